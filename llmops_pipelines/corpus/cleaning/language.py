"""Identifies the language of a text by py3langid, and drops documents in languages that were not asked for."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, ClassVar

UNDETERMINED = "und"  # ISO 639-2
SAMPLE_CHARACTERS = 4_000
PROSE = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Language:
    """Keeps documents in one of `languages` (ISO 639-1; none named: every language).

    A text is dropped only where another language is at least `confidence` likely over at least `min_words` words:
    short texts and code are often misjudged, and a document lost without cause is the worse error.
    """

    languages: tuple[str, ...] = ()
    confidence: float = 0.95
    min_words: int = 20
    name: ClassVar[str] = "language"
    version: ClassVar[int] = 1

    def reject(self, text: str) -> str | None:
        if not self.languages:
            return None
        language, probability, words = identify(text)
        if language in self.languages or language == UNDETERMINED:
            return None
        if words < self.min_words or probability < self.confidence:
            return None
        return f"{language} with probability {probability:.2f} over {words} words; {', '.join(self.languages)} is kept"


@lru_cache(maxsize=1)  # the filter and the row of one document ask in turn
def identify(text: str) -> tuple[str, float, int]:
    """(language, probability, words) of the beginning of `text`; `und` where it has no words."""
    words = PROSE.findall(text[:SAMPLE_CHARACTERS])
    if not words:
        return UNDETERMINED, 0.0, 0
    language, probability = _identifier().classify(" ".join(words))
    return language, float(probability), len(words)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
