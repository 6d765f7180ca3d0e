"""Drops documents that have no text, or too little or too much of it."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Length:
    """Keeps texts of `min_characters` to `max_characters`, spaces at the ends not counted."""

    min_characters: int = 20
    max_characters: int = 2_000_000
    name: ClassVar[str] = "length"
    version: ClassVar[int] = 1

    def reject(self, text: str) -> str | None:
        characters = len(text.strip())
        if characters == 0:
            return "no text"
        if characters < self.min_characters:
            return f"{characters} characters, at least {self.min_characters} are needed"
        if characters > self.max_characters:
            return f"{characters:,} characters, at most {self.max_characters:,} are allowed"
        return None
