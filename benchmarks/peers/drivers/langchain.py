"""LangChain's indexing API: `index()` with SQLRecordManager and `cleanup="full"`.

"full" is the mode that its documentation names for a loader that returns the whole of a source: it alone deletes what
was deleted there. Chunks by RecursiveCharacterTextSplitter with the model's tokenizer.
"""

from collections.abc import Iterable
from importlib.metadata import version

from langchain_classic.indexes import SQLRecordManager, index
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter
from transformers import AutoTokenizer

from benchmarks.peers.drivers.driving import TEXT_TOKENS, Arguments, counted_encode, drive


class LangChain:
    """Splitter, embedder, in-memory vector store, and the record manager in SQLite."""

    def __init__(self, arguments: Arguments) -> None:
        self.embedded = counted_encode()
        tokenizer = AutoTokenizer.from_pretrained(str(arguments.model))
        self.splitter = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
            tokenizer, chunk_size=TEXT_TOKENS, chunk_overlap=0
        )
        self.store = InMemoryVectorStore(HuggingFaceEmbeddings(model_name=str(arguments.model)))
        self.records = SQLRecordManager("memory/pages", db_url=f"sqlite:///{arguments.work / 'records.sqlite'}")
        self.records.create_schema()

    def run(self, pages: dict[str, str]) -> None:
        options = {"cleanup": "full", "source_id_key": "source", "key_encoder": "blake2b"}
        index(self._split(pages), self.records, self.store, **options)

    def texts(self) -> list[str]:
        return [row["text"] for row in self.store.store.values()]

    def chunks(self, pages: dict[str, str]) -> Iterable[str]:
        return [document.page_content for document in self._split(pages)]

    def _split(self, pages: dict[str, str]) -> list[Document]:
        whole = [Document(page_content=text, metadata={"source": path}) for path, text in pages.items()]
        return self.splitter.split_documents(whole)


if __name__ == "__main__":
    drive(
        LangChain,
        version=version("langchain-core"),
        chunker=f"RecursiveCharacterTextSplitter, {TEXT_TOKENS} tokens of the model, overlap 0",
        mode="index(cleanup='full')",
    )
