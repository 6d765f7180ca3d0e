"""Haystack's indexing pipeline: DocumentSplitter, embedder, DocumentWriter with DuplicatePolicy.OVERWRITE.

DocumentSplitter cuts by words: 200, its default. Its tokens are those of OpenAI's models, not of this one.
"""

from collections.abc import Iterable
from importlib.metadata import version

from haystack import Document, Pipeline
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy
from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder

from benchmarks.peers.drivers.driving import Arguments, counted_encode, drive

WORDS = 200


class Haystack:
    """The pipeline with a document store in memory."""

    def __init__(self, arguments: Arguments) -> None:
        self.embedded = counted_encode()
        self.store = InMemoryDocumentStore()
        self.pipeline = Pipeline()
        self.pipeline.add_component("splitter", _splitter())
        embedder = SentenceTransformersDocumentEmbedder(model=str(arguments.model), progress_bar=False)
        self.pipeline.add_component("embedder", embedder)
        self.pipeline.add_component("writer", DocumentWriter(self.store, policy=DuplicatePolicy.OVERWRITE))
        self.pipeline.connect("splitter", "embedder")
        self.pipeline.connect("embedder", "writer")

    def run(self, pages: dict[str, str]) -> None:
        self.pipeline.run({"splitter": {"documents": _documents(pages)}})

    def texts(self) -> list[str]:
        return [document.content or "" for document in self.store.filter_documents()]

    def chunks(self, pages: dict[str, str]) -> Iterable[str]:
        return [document.content or "" for document in _splitter().run(documents=_documents(pages))["documents"]]


def _splitter() -> DocumentSplitter:
    splitter = DocumentSplitter(split_by="word", split_length=WORDS, split_overlap=0)
    splitter.warm_up()
    return splitter


def _documents(pages: dict[str, str]) -> list[Document]:
    return [Document(content=text, meta={"file_path": path}) for path, text in pages.items()]


if __name__ == "__main__":
    drive(
        Haystack,
        version=version("haystack-ai"),
        chunker=f"DocumentSplitter, {WORDS} words, overlap 0",
        mode="DocumentWriter(OVERWRITE)",
    )
