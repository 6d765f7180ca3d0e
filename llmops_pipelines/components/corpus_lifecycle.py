"""The component that data engineers write in YAML: a corpus and its whole life."""

from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from llmops_pipelines.components.upstream_references import resolved_upstreams
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.lifecycle import lifecycle
from llmops_pipelines.orchestration.settings import CorpusSettings

EXAMPLE_DOCUMENT = """# Welcome

This folder is the source of the corpus. Put Markdown, reStructuredText, text, HTML or JSON lines files here, or point
`source.uri` in `defs.yaml` elsewhere.
"""


class CorpusLifecycleScaffolder(dg.Scaffolder):
    """Writes a corpus that reads the folder `documents` beside it."""

    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        folder = Path(request.target_path)
        name = folder.name.replace("-", "_")
        dg.scaffold_component(request, {"name": name, "source": {"type": "directory", "uri": "documents"}})
        (folder / "documents").mkdir(exist_ok=True)
        (folder / "documents" / "welcome.md").write_text(EXAMPLE_DOCUMENT, "utf-8")


@dg.scaffold_with(CorpusLifecycleScaffolder)
class CorpusLifecycle(dg.Component):
    """The life of one corpus: ingested, cleaned, chunked, embedded, indexed, evaluated, released."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return CorpusSettings

    @classmethod
    def load(cls, attributes: Any, context: dg.ComponentLoadContext) -> Self:
        written = context.resolution_context.resolve_value(attributes.model_dump(exclude_unset=True))
        settings, upstreams = resolved_upstreams(written, context)
        return cls(Corpus(CorpusSettings.model_validate(settings), Path(context.path), upstreams))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        return lifecycle(self.corpus)
