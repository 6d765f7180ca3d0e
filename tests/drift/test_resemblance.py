"""Resemblance of two sets of texts: silent on halves of one collection, and a change is found and named."""

import math
import random
import zlib
from collections.abc import Iterator, Sequence
from statistics import mean

import numpy as np
import pytest
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

from llmops_pipelines.drift import resemblance as module
from llmops_pipelines.drift.moved_words import separation
from llmops_pipelines.drift.resemblance import Resemblance, asks, beyond_ascii, resemblance

TOPICS = (
    "harbour vessel anchor cargo tide crane berth pilot",
    "oven flour yeast dough crust kneading loaf baker",
    "signal railway gauge track junction platform timetable guard",
    "hive nectar queen swarm pollen comb drone forager",
)
COMMON = ["the", "of", "and", "in", "to", "with", "for", "from", "by", "on", "at", "it", "as", "that"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine threads wait for each other ten times as long as such small matrices take."""
    with threadpool_limits(1):
        yield


def vectors(texts: Sequence[str]) -> np.ndarray:
    """Bags of words, hashed into 64 places."""
    found = np.zeros((len(texts), 64))
    for row, text in zip(found, texts, strict=True):
        for word in text.split():
            row[zlib.crc32(word.encode()) % 64] += 1
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def written(generator: random.Random, number: int, words: int = 14, added: str = "", share: float = 0.5) -> list[str]:
    """Texts of one topic each; a share of them hold two words of `added` besides."""
    texts = []
    for _ in range(number):
        length = generator.randint(words // 2, words * 3 // 2)
        pool = generator.choice(TOPICS).split() + COMMON
        text = generator.choices(pool, k=length)
        if added and generator.random() < share:
            text += generator.sample(added.split(), 2)
        texts.append(" ".join(text))
    return texts


def compare(reference: Sequence[str], look: Sequence[str]) -> Resemblance:
    return resemblance(reference, look, vectors(reference), vectors(look))


def test_halves_of_one_collection_are_found_changed_as_seldom_as_said() -> None:
    found = []
    for seed in range(60):
        texts = written(random.Random(seed), 80)
        found.append(compare(texts[:40], texts[40:]))
    assert binomtest(sum(one.changed for one in found), len(found), 0.02, "greater").pvalue > 0.001
    for p in ([one.p for one in found], [min(d.p for d in one.descriptors) for one in found]):
        assert binomtest(sum(value <= 0.05 for value in p), len(p), 0.05, "greater").pvalue > 0.001
    assert mean(one.auc for one in found) == pytest.approx(0.5, abs=0.04)


def test_a_new_topic_is_found_and_its_words_named() -> None:
    generator = random.Random(1)
    found = compare(written(generator, 150), written(generator, 150, added="iceberg lakehouse snapshot"))
    assert found.changed
    assert found.auc > 0.65
    assert {word.word for word in found.moved.more[:3]} == {"iceberg", "lakehouse", "snapshot"}
    assert all(word.reference == 0 and 0.2 < word.look < 0.5 for word in found.moved.more[:3])
    assert found.reason.startswith(f"the texts can be told apart (AUC {found.auc:.2f}, p 0.0005): more of `")
    assert "`iceberg` (0% -> " in found.reason
    assert not any(descriptor.changed for descriptor in found.descriptors)


def test_new_texts_that_can_all_be_recognised_move_the_auc_by_half_their_share() -> None:
    """So that the floor of 0.65 is passed where three texts in ten are new in kind."""
    generator = random.Random(11)
    for share in (0.2, 0.4):
        sides = [
            (written(generator, 300), written(generator, 300, added="iceberg lakehouse", share=share)) for _ in range(5)
        ]
        assert mean(separation(*side).auc for side in sides) == pytest.approx(0.5 + share / 2, abs=0.04)


def test_words_that_went_are_told_from_those_that_came() -> None:
    generator = random.Random(2)
    found = compare(written(generator, 120, added="fax telex"), written(generator, 120, added="podcast stream"))
    assert {word.word for word in found.moved.more[:2]} == {"podcast", "stream"}
    assert {word.word for word in found.moved.less[:2]} == {"fax", "telex"}
    assert "; less of `" in found.reason
    for words, way in ((found.moved.more, 1), (found.moved.less, -1)):
        assert len(words) <= 10
        assert all(way * (word.look - word.reference) > 0 for word in words)
        assert not {word.word for word in words} & set(COMMON)


def test_longer_texts_of_the_same_words_are_found_by_their_length_alone() -> None:
    generator = random.Random(3)
    found = compare(written(generator, 60), written(generator, 60, words=24))
    assert found.changed
    assert [descriptor.name for descriptor in found.descriptors if descriptor.changed] == ["words of a text"]
    assert "words of a text 14 -> 2" in found.reason


@pytest.mark.parametrize(
    ("added", "name"),
    [
        ("?", "texts that ask"),
        (" 17", "texts with digits"),
        (" run_all()", "texts with code"),
        (" übergrößenträger", "letters beyond ASCII"),
    ],
)
def test_each_descriptor_finds_its_own(added: str, name: str) -> None:
    texts = written(random.Random(4), 120)
    found = compare(texts[:60], [text + added for text in texts[60:]])
    (changed,) = [descriptor for descriptor in found.descriptors if descriptor.changed]
    assert (changed.name, changed.reference) == (name, 0.0)
    assert changed.p < 0.002
    assert changed.effect > 1
    assert math.isinf(changed.effect) == (changed.look == 1.0)
    assert str(changed) in found.reason


def test_a_descriptor_below_its_floor_is_no_change() -> None:
    texts = written(random.Random(5), 1_000)
    few = [text + "?" if i % 20 == 0 else text for i, text in enumerate(texts[500:])]
    found = compare(texts[:500], few)
    (asking,) = [descriptor for descriptor in found.descriptors if descriptor.name == "texts that ask"]
    assert asking.p <= 0.01
    assert not found.changed
    assert found.reason.startswith("no difference is both significant and above its floor (AUC 0.")


def test_neither_order_nor_copies_matter_and_at_most_so_many_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 40)
    generator = random.Random(6)
    reference, look = written(generator, 70), written(generator, 55, added="iceberg snapshot")
    found = compare(reference, look)
    assert found.texts == (40, 40)
    assert compare(generator.sample(reference, 70) + reference[:20], look[::-1] * 2) == found


def test_too_few_different_texts_and_texts_without_vectors_are_refused() -> None:
    texts = written(random.Random(7), 60)
    with pytest.raises(ValueError, match="30 different texts a side are needed, not 29 and 31"):
        compare(texts[:29] * 3, texts[29:])
    with pytest.raises(ValueError, match="30 texts have 29 vectors"):
        resemblance(texts[:30], texts[30:], vectors(texts[:29]), vectors(texts[30:]))
    assert compare(texts[:30], texts[30:]).texts == (30, 30)


def test_copies_of_a_text_do_not_tell_its_side() -> None:
    texts = written(random.Random(8), 300)
    reference, look = texts[:150] * 4, texts[150:] * 4
    assert separation(reference, look).auc < 0.6
    assert not compare(reference, look).changed


def test_equal_sets_are_no_change() -> None:
    texts = written(random.Random(9), 40)
    found = compare(texts, texts[::-1])
    assert (found.auc, found.changed) == (0.5, False)
    assert found.p > 0.9
    assert [(d.effect, d.p) for d in found.descriptors] == [(0.0, 1.0)] * 5


def test_texts_without_a_shared_word_are_not_told_apart_by_words() -> None:
    names = [str(i) * 3 for i in range(60)]
    found = separation(names[:30], names[30:])
    assert (found.auc, found.moved.more, str(found.moved)) == (0.5, (), "no single word says how")


def test_scripts_without_spaces_have_words() -> None:
    generator = random.Random(10)
    texts = ["".join(generator.choices("天地人山水火木金土日月年", k=12)) for _ in range(120)]
    found = separation(texts[:60], [text[:6] + "冰" + text[6:] for text in texts[60:]])
    assert found.auc > 0.95
    assert [word.word for word in found.moved.more[:1]] == ["冰"]


@pytest.mark.parametrize(
    "text", ["Who is it", "how long may I be away", "and now?\n", "これは何ですか？", "Can I?", "Is it? It is."]
)
def test_questions(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize("text", ["", "whoever comes", "However, it is late.", "Really? Yes."])
def test_no_questions(text: str) -> None:
    assert not asks(text)


def test_letters_beyond_ascii_are_a_share_of_letters() -> None:
    assert [beyond_ascii(text) for text in ("", "plain 1", "…—", "naïve", "при")] == [0.0, 0.0, 0.0, 0.2, 1.0]
