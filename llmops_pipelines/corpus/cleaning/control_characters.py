"""Removes control characters, zero-width characters and stray surrogates; makes line ends `\\n`."""

import re
from dataclasses import dataclass
from typing import ClassVar

LINE_ENDS = re.compile("\r\n?|\u2028|\u2029|\u0085")
# C0 and C1 without tab and newline; soft hyphen; zero-width and bidirectional marks; byte order mark; surrogates. The
# zero-width joiners stay where they join: between letters of scripts that need them, and in emoji.
CONTROL = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ud800-\udfff]"
)
LATIN_JOINERS = re.compile("(?<=[\u0000-\u024f])[\u200c\u200d]+|[\u200c\u200d]+(?=[\u0000-\u024f]|$)")


@dataclass(frozen=True)
class ControlCharacters:
    """Text without characters that nobody sees and every hash does."""

    name: ClassVar[str] = "control_characters"
    version: ClassVar[int] = 1

    def repair(self, text: str) -> str:
        text = LINE_ENDS.sub("\n", text)
        return LATIN_JOINERS.sub("", CONTROL.sub("", text))
