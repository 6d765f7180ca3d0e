"""What can be told of a free text without judging it: how long it is, and whether it refuses.

Declared before any text is looked at, so that a change of one is no finding among many that were looked for. They see
changes that grades do not: a model that still refuses, in four words instead of sixty.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmops_pipelines.drift.answers import Change, changed_grades, changed_values

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


def changed_texts(reference: Mapping[str, Sequence[str]], look: Mapping[str, Sequence[str]]) -> dict[str, Change]:
    """The change of length and of refusals from the texts of a reference to those of a look, by prompt, its calls.

    Not corrected for being two. Raises ValueError where no prompt has a text of both sides.
    """

    def each(of: Callable[[str], Any], texts: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
        return {prompt: [of(text) for text in calls] for prompt, calls in texts.items()}

    return {
        "length": changed_values(each(log_words, reference), each(log_words, look)),
        "refusal": changed_grades(each(refuses, reference), each(refuses, look)),
    }
