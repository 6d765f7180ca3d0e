"""The tokenizer that a chunker counts with: a `tokenizer.json`, identified by its content."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tokenizers


@dataclass(frozen=True)
class ChunkTokenizer:
    """The tokenizer in file `path`, without truncation or padding."""

    path: Path

    @cached_property
    def tokenizer(self) -> "tokenizers.Tokenizer":
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_file(str(self.path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def identity(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def special_tokens(self) -> int:
        """How many tokens the tokenizer adds around a text."""
        return self.tokenizer.num_special_tokens_to_add(False)

    def counts(self, texts: list[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        return [len(encoding.ids) for encoding in self.tokenizer.encode_batch_fast(texts)]
