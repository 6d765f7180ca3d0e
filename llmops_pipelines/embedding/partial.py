"""Errors of a call of `embed` that made a part of the vectors: they carry it, so that nothing is paid for twice.

No message here, and no attribute, holds a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llmops_pipelines.embedding.embedder import Embedded
from llmops_pipelines.embedding.model_folder import ModelError

SHOWN = 8


@dataclass(frozen=True)
class Refusal:
    """A text that the model gives no vector for, without the text."""

    position: int  # in the call of `embed`
    content_hash: str
    characters: int
    reason: str

    def __str__(self) -> str:
        return f"content_hash {self.content_hash}, {self.characters:,} characters ({self.reason})"


class EmbeddingError(ModelError):
    """A call of `embed` that failed. `embedded` are the vectors that were made, of the texts at `positions`."""

    def __init__(self, message: str, positions: Sequence[int] = (), embedded: Embedded | None = None) -> None:
        super().__init__(message)
        self.positions = list(positions)
        self.embedded = embedded


class TextsRefusedError(EmbeddingError):
    """Single texts were refused. `gave_up` says that there were so many that the others were not all tried."""

    def __init__(
        self,
        model_name: str,
        refused: Sequence[Refusal],
        positions: Sequence[int] = (),
        embedded: Embedded | None = None,
        gave_up: bool = False,
    ) -> None:
        shown = "; ".join(str(refusal) for refusal in refused[:SHOWN])
        more = f"; and {len(refused) - SHOWN:,} more" if len(refused) > SHOWN else ""
        texts = "one text was" if len(refused) == 1 else f"{len(refused):,} texts were"
        others = (
            "There were so many that the others were not all tried: if every text is refused, the request is wrong "
            "rather than the texts; check model, dimension and send_dimensions"
            if gave_up
            else "The others have their vectors"
        )
        super().__init__(
            f"model {model_name}: {texts} refused: {shown}{more}. {others}. "
            "Find a text in the corpus's chunks by its content_hash; shorten it (chunks.max_tokens) "
            "or leave its document out, then run again: what is committed is not paid for twice",
            positions,
            embedded,
        )
        self.model_name = model_name
        self.refused = list(refused)
        self.gave_up = gave_up
