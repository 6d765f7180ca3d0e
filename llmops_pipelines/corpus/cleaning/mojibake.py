"""Repairs text that was decoded with the wrong encoding, by ftfy."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Mojibake:
    """`â€œquotedâ€` becomes `“quoted”`. Nothing but the encoding is touched: no quotes uncurled, no entities resolved."""

    name: ClassVar[str] = "mojibake"
    version: ClassVar[int] = 2

    def repair(self, text: str) -> str:
        # Only ASCII is certainly right: UTF-8 may have been read as Windows-1251 or MacRoman just as well as Latin-1.
        if text.isascii():
            return text
        import ftfy

        return ftfy.fix_encoding(text)
