"""Brings text into Unicode normalisation form C, so that equal letters are equal characters."""

import unicodedata
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class UnicodeNfc:
    """NFC and not NFKC: the latter turns `²` into `2` and so changes what a text says."""

    name: ClassVar[str] = "unicode_nfc"
    version: ClassVar[int] = 1

    def repair(self, text: str) -> str:
        return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
