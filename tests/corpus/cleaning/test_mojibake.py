"""Repair of wrongly decoded text, by hand, on public examples, and that the rule passes by nothing that ftfy mends."""

import json
from pathlib import Path

import ftfy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.corpus.cleaning.mojibake import Mojibake

ENCODINGS = ["latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso-8859-2", "mac-roman", "cp437"]


def examples(labelled_data: Path, name: str) -> list[dict[str, str]]:
    return json.loads((labelled_data / "cleaning" / "mojibake" / name).read_text("utf-8"))


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("â€œquotedâ€\x9d", "“quoted”"),
        ("voilÃ\xa0 le cafÃ©", "voilà le café"),
        ("Tip 2 вЂ“ Broadcast", "Tip 2 – Broadcast"),
        ("Le Vigne di Zam√≤", "Le Vigne di Zamò"),
        ("â\x9c” No problems", "✔ No problems"),
    ],
)
def test_wrongly_decoded_text_is_mended(broken: str, mended: str):
    assert Mojibake().repair(broken) == mended


@pytest.mark.parametrize(
    "text",
    [
        "plain ASCII with &amp; and 'quotes'",
        "Schöne Grüße – naïve “quotes” … ½ €5",
        "Дорогой друг",
        "漢字かな交じり文",
        "می‌خواهم",
        "&eacute; ﬁ ²",
    ],
)
def test_nothing_but_the_encoding_is_touched(text: str):
    assert Mojibake().repair(text) == text


def test_public_examples_are_mended(labelled_data: Path):
    broken = examples(labelled_data, "in-the-wild.json")
    assert len(broken) == 70
    for example in broken:
        expected = example.get("fixed-encoding", example["fixed"])
        assert Mojibake().repair(example["original"]) == expected, example["label"]


def test_public_examples_of_sound_text_are_left_alone(labelled_data: Path):
    sound = examples(labelled_data, "negative.json")
    assert len(sound) == 31
    for example in sound:
        expected = example.get("fixed-encoding", example["fixed"])
        assert Mojibake().repair(example["original"]) == expected, example["label"]


def test_nothing_that_ftfy_mends_is_passed_by_on_public_examples(labelled_data: Path):
    texts = [e["original"] for name in ("in-the-wild.json", "negative.json") for e in examples(labelled_data, name)]
    assert [Mojibake().repair(text) for text in texts] == [ftfy.fix_encoding(text) for text in texts]


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("aé–’漢ж½ñ€ \n"), max_size=12), st.sampled_from(ENCODINGS))
def test_nothing_that_ftfy_mends_is_passed_by(text: str, encoding: str):
    broken = text.encode().decode(encoding, "replace")
    assert Mojibake().repair(broken) == ftfy.fix_encoding(broken)
