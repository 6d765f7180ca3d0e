"""LlamaIndex's IngestionPipeline with a docstore and a vector store, DocstoreStrategy.UPSERTS_AND_DELETE.

Documents have their path as id, as its documentation of document management asks for. Chunks by SentenceSplitter with
the model's tokenizer.
"""

from collections.abc import Iterable
from importlib.metadata import version

from llama_index.core import Document
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from transformers import AutoTokenizer

from benchmarks.peers.drivers.driving import TEXT_TOKENS, Arguments, counted_encode, drive


class TextKeepingStore(SimpleVectorStore):
    """SimpleVectorStore holds vectors and ids only: the texts of its rows are kept beside it, to be looked at."""

    kept: dict[str, str] = {}  # noqa: RUF012, a field of a pydantic model

    def add(self, nodes, **options):
        self.kept.update({node.node_id: node.get_content() for node in nodes})
        return super().add(nodes, **options)


class LlamaIndex:
    """The pipeline: splitter and embedder, docstore and vector store in memory, its cache as it is by default."""

    def __init__(self, arguments: Arguments) -> None:
        self.embedded = counted_encode()
        tokenizer = AutoTokenizer.from_pretrained(str(arguments.model))
        self.splitter = SentenceSplitter(chunk_size=TEXT_TOKENS, chunk_overlap=0, tokenizer=tokenizer.tokenize)
        self.store = TextKeepingStore()
        self.pipeline = IngestionPipeline(
            transformations=[self.splitter, HuggingFaceEmbedding(model_name=str(arguments.model))],
            docstore=SimpleDocumentStore(),
            vector_store=self.store,
            docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
        )

    def run(self, pages: dict[str, str]) -> None:
        self.pipeline.run(documents=_documents(pages))

    def texts(self) -> list[str]:
        return [self.store.kept[node_id] for node_id in self.store.data.embedding_dict]

    def chunks(self, pages: dict[str, str]) -> Iterable[str]:
        return [node.get_content() for node in self.splitter.get_nodes_from_documents(_documents(pages))]


def _documents(pages: dict[str, str]) -> list[Document]:
    return [Document(text=text, id_=path) for path, text in pages.items()]


if __name__ == "__main__":
    drive(
        LlamaIndex,
        version=version("llama-index-core"),
        chunker=f"SentenceSplitter, {TEXT_TOKENS} tokens of the model, overlap 0",
        mode="IngestionPipeline(UPSERTS_AND_DELETE)",
    )
