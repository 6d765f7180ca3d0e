"""What can be told of a free text without judging it: how long it is, and whether it refuses.

Declared before any text is looked at, so that a change of one is no finding among many that were looked for. They see
changes that grades do not: a model that still refuses, in four words instead of sixty.
"""

import math
import re
from collections.abc import Mapping

from llmops_pipelines.drift.answers import Change, changed_grades
from llmops_pipelines.evaluation.holm import holm

REFUSAL = re.compile(
    r"\b(?:I['’]m sorry|I am sorry|I apologi[sz]e|sorry, (?:but )?I|my apologies"
    r"|I (?:can(?:['’]t|not| not)|could(?:n['’]t| not)|won['’]t|will not)|I(?: am|['’]m) (?:unable|not able) to"
    r"|I must decline|as an AI\b|against (?:my|ethical|the) (?:programming|principles|guidelines|policy|policies))",
    re.IGNORECASE,
)
REFUSAL_CHARACTERS = 300  # a refusal says so at its beginning


def refuses(text: str) -> bool:
    """Whether a text has the words by which models refuse, in English, within its first 300 characters."""
    return bool(REFUSAL.search(text[:REFUSAL_CHARACTERS]))


def log_words(text: str) -> float:
    """The logarithm of one more than the number of words: twice as long counts the same for short texts and long ones."""
    return math.log(1 + len(text.split()))


DESCRIPTORS = {"length": log_words, "refusal": refuses}


def changed_texts(reference: Mapping[str, str], look: Mapping[str, str]) -> dict[str, tuple[Change, float]]:
    """The change of each descriptor from the texts of a reference to those of a look, by prompt, and its p after Holm.

    Two-sided paired tests: of refusals McNemar's, of length a permutation test. Raises ValueError where no prompt has
    a text of both sides.
    """
    changes = {
        name: changed_grades(
            {prompt: [float(of(text))] for prompt, text in reference.items()},
            {prompt: [float(of(text))] for prompt, text in look.items()},
        )
        for name, of in DESCRIPTORS.items()
    }
    corrected = holm({name: change.p for name, change in changes.items()})
    return {name: (change, corrected[name]) for name, change in changes.items()}
