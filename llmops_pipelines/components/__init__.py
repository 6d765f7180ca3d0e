"""What `dg scaffold defs` offers."""

from llmops_pipelines.components.corpus_lifecycle import CorpusLifecycle as CorpusLifecycle
