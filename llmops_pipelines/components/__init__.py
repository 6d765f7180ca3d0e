"""What `dg scaffold defs` offers."""

from llmops_pipelines.components.corpus_lifecycle import CorpusLifecycle as CorpusLifecycle
from llmops_pipelines.components.upstream_model import UpstreamModel as UpstreamModel
