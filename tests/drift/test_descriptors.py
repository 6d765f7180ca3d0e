"""What is told of a free text without judging it: its length, and the words by which models refuse."""

import math

import pytest

from llmops_pipelines.drift.descriptors import changed_texts, log_words, refuses


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that.",
        "I’m sorry, I cannot fulfill this request.",
        "As an AI language model, I do not hold opinions.",
        "Unfortunately I am unable to do that.",
        "I'm not able to help.",
        "Sorry, but I won't write this.",
        "I must decline.",
    ],
)
def test_the_words_of_a_refusal(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "17077 is a prime number.",
        "The sorry state of it.",
        "You can't divide by zero.",
        "word " * 100 + "I'm sorry",
    ],
)
def test_other_words(text: str) -> None:
    assert not refuses(text)


def test_length_is_the_logarithm_of_words() -> None:
    assert (log_words(""), log_words("one two three")) == (0.0, pytest.approx(math.log(4)))


def test_a_shorter_refusal_is_a_change_of_length_alone() -> None:
    reference = {
        str(i): ["I'm sorry, but I cannot help with that, because it would hurt somebody " + "so " * i]
        for i in range(30)
    }
    look = {name: ["Sorry, I can't help."] for name in reference}
    found = changed_texts(reference, look)
    assert found["length"].p < 0.01
    assert found["length"].effect < 0
    assert found["refusal"].p == 1.0


def test_refusals_that_begin_are_seen() -> None:
    reference = {str(i): ["Here is what you asked for."] for i in range(20)}
    look = {name: ["I cannot give what you want."] if int(name) < 10 else text for name, text in reference.items()}
    change = changed_texts(reference, look)["refusal"]
    assert (change.effect, change.p) == (0.5, pytest.approx(2 / 2**10))
