"""Identifies the language of a text by py3langid, and drops documents in languages that were not asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, ClassVar

UNDETERMINED = "und"  # ISO 639-2
SAMPLE_CHARACTERS = 4_000
PROSE = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Language:
    """Keeps documents in one of `languages` (ISO 639-1; none named: every language).

    A text of at least `min_letters` letters is dropped where `languages` together are less likely than `doubt`. The
    most likely language alone would not do: a text is often shared out among relatives (zh and yue, no and da).
    Shorter texts are kept: a document lost without cause is the worse error.
    """

    languages: tuple[str, ...] = ()
    doubt: float = 0.01
    min_letters: int = 40
    name: ClassVar[str] = "language"
    version: ClassVar[int] = 2

    def reject(self, text: str) -> str | None:
        if not self.languages or sum(map(str.isalpha, text[:SAMPLE_CHARACTERS])) < self.min_letters:
            return None
        found = probabilities(text)
        wanted = sum(found.get(language, 0.0) for language in self.languages)
        if not found or wanted >= self.doubt:
            return None
        return f"{identify(text)}; {', '.join(self.languages)} has probability {wanted:.2g}"


def identify(text: str) -> str:
    """The most likely language of the beginning of `text`, ISO 639-1 where there is one; `und` where it has no words."""
    found = probabilities(text)
    return max(found, key=found.__getitem__) if found else UNDETERMINED


@lru_cache(maxsize=1)  # the filter and the row of one document ask in turn
def probabilities(text: str) -> Mapping[str, float]:
    """The probability of each language for the beginning of `text`; empty where it has no words."""
    words = PROSE.findall(text[:SAMPLE_CHARACTERS])
    ranked = _identifier().rank(" ".join(words)) if words else []
    return MappingProxyType({language: float(probability) for language, probability in ranked})


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
