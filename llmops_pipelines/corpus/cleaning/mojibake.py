"""Repairs text that was decoded with the wrong encoding, by ftfy."""

import re
from dataclasses import dataclass
from typing import ClassVar

# ftfy is slow (230 documents a CPU second). Wrongly decoded UTF-8 always holds one of these: a character between
# U+0080 and U+00FF or a Windows-1252 symbol that follows one, so that all other texts can be passed by.
SUSPECT = re.compile("[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\ufffd]")


@dataclass(frozen=True)
class Mojibake:
    """`â€œquotedâ€` becomes `“quoted”`. Nothing but the encoding is touched: no quotes uncurled, no entities resolved."""

    name: ClassVar[str] = "mojibake"
    version: ClassVar[int] = 1

    def repair(self, text: str) -> str:
        if not SUSPECT.search(text):
            return text
        import ftfy

        return ftfy.fix_encoding(text)
