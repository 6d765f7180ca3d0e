"""What a large language model replied, a look against a reference: counts, content and form of graded items, free text."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmops_pipelines.drift.answers import Change, changed_counts, changed_grades
from llmops_pipelines.drift.descriptors import changed_texts
from llmops_pipelines.drift.drawn import Compared, Spent
from llmops_pipelines.drift.grading import right_content, right_form
from llmops_pipelines.drift.mmd import discrepancy
from llmops_pipelines.drift.probes import TIERS, Item, LLMProbes, Tier
from llmops_pipelines.drift.verdict import MOST_FAILED, Family, Look

if TYPE_CHECKING:
    import numpy as np

Calls = Mapping[str, Sequence[str]]  # by prompt, or item: what its calls gave; failed ones are left out
Replies = dict[Tier, dict[str, list[str]]]
Embed = Callable[[Sequence[str]], "np.ndarray"]
UNITS = {"tokens": "total variation", "text": "squared discrepancy", "length": "log words"}
ONE_SIDED = ("tokens", "text")  # what is measured is how far apart two sides are
EXAMPLES = 5


def compare_replies(probes: LLMProbes, reference: Replies, look: Replies, spent: Spent, embed: Embed) -> Compared:
    """The families of the tiers that were asked. One of which no prompt was answered on both sides is left out.

    Where more than MOST_FAILED of the calls of any of the tiers had no answer there are none: the look is unmeasured.
    """
    calls, failed = spent.calls, spent.failed
    if failed > MOST_FAILED * calls:
        return Compared(Look([], calls, failed))
    for asked, unanswered in (unanswered_calls(probes, tier, look) for tier in look):
        if unanswered > MOST_FAILED * asked:
            return Compared(Look([], asked, unanswered))
    before: Replies = {tier: reference.get(tier, {}) for tier in TIERS["llm"]}
    now = {tier: look.get(tier, {}) for tier in before}
    content = [_graded(probes, side["graded"], right_content) for side in (before, now)]
    form = [_graded(probes, side["graded"], right_form) for side in (before, now)]
    found: dict[str, Change] = {}
    words = [{prompt: list(map(_word, calls)) for prompt, calls in side["tokens"].items()} for side in (before, now)]
    if _shared(words[0], words[1]):
        found["tokens"] = changed_counts(words[0], words[1])
    for name, graded in (("content", content), ("format", form)):
        given = [{item: [g for g in grades if g is not None] for item, grades in side.items()} for side in graded]
        if _shared(given[0], given[1]):
            found[name] = changed_grades(given[0], given[1])
    if shared := _shared(before["texts"], now["texts"]):
        sides = [{prompt: side["texts"][prompt] for prompt in shared} for side in (before, now)]
        found |= _texts(sides[0], sides[1], embed)
    families = [
        Family(name, change.p, change.effect, probes.floors[name], UNITS.get(name, "of the items"), name in ONE_SIDED)
        for name, change in found.items()
    ]
    (known, unknown), (answers, unparsed) = (
        (sum(map(len, side.values())), sum(grade is None for of in side.values() for grade in of)) for side in content
    )
    return Compared(
        Look(families, calls, failed, answers, unparsed, known, unknown),
        _examples(probes, before["graded"], now["graded"]),
    )


def unanswered_calls(probes: LLMProbes, tier: Tier, replies: Replies, times: int = 1) -> tuple[int, int]:
    """How many calls of a tier were wanted, asked so many `times`, and how many of them have no answer."""
    wanted = probes.size((tier,)) * times
    return wanted, wanted - sum(map(len, replies.get(tier, {}).values()))


def _shared(reference: Mapping[str, Sequence[Any]], look: Mapping[str, Sequence[Any]]) -> list[str]:
    """The prompts that were answered on both sides."""
    return [name for name, calls in reference.items() if calls and look.get(name)]


def _graded(
    probes: LLMProbes, replies: Calls, grade: Callable[[Item, str], bool | None]
) -> dict[str, list[bool | None]]:
    return {item.id: [grade(item, text) for text in replies.get(item.id, ())] for item in probes.items}


def _texts(reference: Calls, look: Calls, embed: Embed) -> dict[str, Change]:
    """The tests of free text; both sides are of the same prompts."""
    vectors = [embed([text for prompt in reference for text in side[prompt]]) for side in (reference, look)]
    if min(map(len, vectors)) < 2:
        return {}
    prompts = [[prompt for prompt in reference for _ in side[prompt]] for side in (reference, look)]
    tested = discrepancy(vectors[0], vectors[1], groups=(prompts[0], prompts[1]))
    return {"text": Change(tested.p, tested.excess, len(reference)), **changed_texts(reference, look)}


def _examples(probes: LLMProbes, reference: Calls, look: Calls) -> list[dict[str, str]]:
    """Items that every call of the reference answered right, and the look did not."""
    found = []
    for item in probes.items:
        before, now = reference.get(item.id, ()), look.get(item.id, ())
        for grade, what in ((right_content, "content"), (right_form, "format")):
            if before and now and all(grade(item, text) for text in before) and not grade(item, now[0]):
                found.append({"item": item.id, "what": what, "before": before[0][:120], "now": now[0][:120]})
    return found[:EXAMPLES]


def _word(text: str) -> str:
    """An answer of one word, its case and what stands around it left out."""
    return text.strip().strip(".!\"'*").lower()
