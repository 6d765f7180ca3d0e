"""Asks a large language model its prompts, in tiers, and compares what it replies with a reference."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.drift.answers import Change, changed_counts, changed_grades
from llmops_pipelines.drift.descriptors import changed_texts
from llmops_pipelines.drift.drawn import Compared, Cost, Drawn, Progress, Spent
from llmops_pipelines.drift.grading import right_content, right_form
from llmops_pipelines.drift.identity import hosted_identity
from llmops_pipelines.drift.mmd import discrepancy
from llmops_pipelines.drift.power import power_of_drop
from llmops_pipelines.drift.probes import Item, LLMProbes, Tier
from llmops_pipelines.drift.verdict import LEVEL, MOST_FAILED, Family, Look
from llmops_pipelines.embedding.batches import estimated_tokens
from llmops_pipelines.embedding.hosted_client import Failure
from llmops_pipelines.embedding.hosted_retries import Patience
from llmops_pipelines.generation.chat_endpoint import ChatEndpoint, Prompt
from llmops_pipelines.generation.completion import Completion

if TYPE_CHECKING:
    import numpy as np

Replies = dict[str, dict[str, list[str]]]  # by tier and prompt, or item: what its calls gave; failed ones are left out
REFUSED = "I cannot answer: the endpoint refused the request."
UNITS = {"tokens": "total variation", "text": "squared discrepancy", "length": "log words"}
EXAMPLES = 5


@dataclass(frozen=True)
class _Call:
    tier: Tier
    name: str
    prompt: str


class ReplyProbe:
    """The probes of one large language model. `embed` gives unit vectors of free texts."""

    def __init__(
        self, probes: LLMProbes, endpoint: ChatEndpoint, embed: "Callable[[Sequence[str]], np.ndarray]"
    ) -> None:
        self.probes = probes
        self._endpoint = endpoint
        self._embed = embed

    def draw(self, tiers: tuple[Tier, ...], reference: bool, progress: Progress = lambda done, total: None) -> Drawn:
        """A reference asks `calls` times what a look asks. It stops once too many calls failed for anything to be said."""
        asked = self._calls(tiers) * (self.probes.calls if reference else 1)
        started, stop = time.perf_counter(), threading.Event()
        patience = Patience(self._endpoint.model.max_retry_seconds)
        replies: Replies = {tier: {} for tier in tiers}
        answers: list[Completion] = []
        failures: list[Failure] = []
        with ThreadPoolExecutor(max(1, self._endpoint.model.concurrency), "probe") as pool:
            running = {pool.submit(self._ask, call, patience, stop): call for call in asked}
            for done, finished in enumerate(as_completed(running), 1):
                call, found = running[finished], finished.result()
                if isinstance(found, Failure) and found.kind == "refused":
                    replies[call.tier].setdefault(call.name, []).append(REFUSED)
                elif isinstance(found, Failure):
                    failures.append(found)
                    if found.kind == "final" or len(failures) > MOST_FAILED * len(asked):
                        stop.set()
                elif found is not None:
                    answers.append(found)
                    replies[call.tier].setdefault(call.name, []).append(found.refusal or found.text)
                progress(done, len(asked))
        made = sum(len(calls) for of in replies.values() for calls in of.values())
        tokens = [(answer.input_tokens or 0, answer.output_tokens or 0) for answer in answers]
        spent = Spent(
            len(asked),
            len(asked) - made,
            sum(map(sum, tokens)),
            self._endpoint.model.usd(sum(given for given, _ in tokens), sum(made for _, made in tokens)),
            time.perf_counter() - started,
        )
        model = self._endpoint.model
        problem = f"model {model.name}: {model.model} at {model.where}: {failures[0].reason}" if failures else ""
        return Drawn(replies, hosted_identity(answers), spent, problem, any(failure.gone for failure in failures))

    def cost(self, tiers: tuple[Tier, ...], reference: bool) -> Cost:
        """Answers are taken to be as long as they may be."""
        calls = self._calls(tiers) * (self.probes.calls if reference else 1)
        asked = sum(estimated_tokens(call.prompt) for call in calls)
        answered = sum(self.probes.max_tokens[call.tier] for call in calls)
        return Cost(len(calls), asked + answered, self._endpoint.model.usd(asked, answered))

    def power(self, reference: Replies, drop: float) -> float:
        floor = self.probes.floors["content"]
        return power_of_drop(len(self.probes.items), drop, LEVEL / 2, floor, self.probes.calls)

    def compared(self, reference: Replies, drawn: Drawn, level: float) -> Compared:
        """The families of the tiers that were asked: counts, content and form of graded items, and free text."""
        look: Replies = drawn.answers
        calls, failed = drawn.spent.calls, drawn.spent.failed
        if failed > MOST_FAILED * calls:
            return Compared(Look([], calls, failed))
        families: list[Family] = []
        if "tokens" in look:
            counts = [
                {p: [_word(text) for text in calls] for p, calls in side["tokens"].items()}
                for side in (reference, look)
            ]
            families.append(self._family("tokens", changed_counts(*counts)))
        if "texts" in look:
            families += self._texts(reference["texts"], look["texts"])
        if "graded" not in look:
            return Compared(Look(families, calls, failed, level=level))
        content, form = (
            [self._graded(side["graded"], grade) for side in (reference, look)] for grade in (right_content, right_form)
        )
        parsed = [
            {item: [bool(g) for g in grades if g is not None] for item, grades in side.items()} for side in content
        ]
        families.append(self._family("content", changed_grades(*parsed)))
        families.append(
            self._family(
                "format",
                changed_grades(
                    *({i: [bool(g) for g in gs] for i, gs in side.items() if None not in gs} for side in form)
                ),
            )
        )
        (known, unknown), (answers, unparsed) = (
            (sum(len(gs) for gs in side.values()), sum(g is None for gs in side.values() for g in gs))
            for side in content
        )
        return Compared(
            Look(families, calls, failed, answers, unparsed, known, unknown, level),
            self._examples(reference["graded"], look["graded"]),
        )

    def packed(self, answers: Replies) -> bytes:
        return json.dumps(answers, ensure_ascii=False).encode()

    def unpacked(self, content: bytes) -> Replies:
        replies: Replies = json.loads(content)
        return replies

    def _calls(self, tiers: tuple[Tier, ...]) -> list[_Call]:
        by_tier: dict[Tier, list[_Call]] = {
            "tokens": [_Call("tokens", prompt, prompt) for prompt in self.probes.tokens] * self.probes.repeats,
            "graded": [_Call("graded", item.id, item.prompt) for item in self.probes.items],
            "texts": [_Call("texts", prompt, prompt) for prompt in self.probes.texts],
        }
        return [call for tier in tiers for call in by_tier[tier]]

    def _ask(self, call: _Call, patience: Patience, stop: threading.Event) -> Completion | Failure | None:
        """The answer to one call; a Failure where there was none, or an empty one; None where it was not made."""
        if stop.is_set():
            return None
        prompt = Prompt(call.prompt, max_tokens=self.probes.max_tokens[call.tier])
        found = patience.ask(
            lambda: self._endpoint.ask(prompt),
            len(call.prompt) // 4,
            lambda s: _wait(stop, s),
            self._endpoint.model.max_retries,
        )
        if isinstance(found, Completion) and not (found.refusal or found.text).strip():
            return Failure("failing", f"its answer is empty (finish_reason {found.finish_reason})")
        return found

    def _graded(
        self, replies: Mapping[str, Sequence[str]], grade: Callable[[Item, str], bool | None]
    ) -> dict[str, list[bool | None]]:
        return {item.id: [grade(item, text) for text in replies.get(item.id, [])] for item in self.probes.items}

    def _texts(self, reference: Mapping[str, Sequence[str]], look: Mapping[str, Sequence[str]]) -> list[Family]:
        shared = [prompt for prompt in self.probes.texts if reference.get(prompt) and look.get(prompt)]
        sides = [[text for prompt in shared for text in side[prompt]] for side in (reference, look)]
        before, now = (self._embed(texts) for texts in sides)
        found = discrepancy(before, now)
        described = changed_texts(reference, look)
        return [
            self._family("text", Change(found.p, found.squared, len(shared))),
            *(self._family(name, change) for name, change in described.items()),
        ]

    def _family(self, name: str, change: Change) -> Family:
        return Family(name, change.p, change.effect, self.probes.floors[name], UNITS.get(name, "of the items"))

    def _examples(
        self, reference: Mapping[str, Sequence[str]], look: Mapping[str, Sequence[str]]
    ) -> list[dict[str, str]]:
        """Items that every call of the reference answered right, and the look did not."""
        found = []
        for item in self.probes.items:
            before, now = reference.get(item.id, []), look.get(item.id, [])
            for grade, what in ((right_content, "content"), (right_form, "format")):
                if before and now and all(grade(item, text) for text in before) and not grade(item, now[0]):
                    found.append({"item": item.id, "what": what, "before": before[0][:120], "now": now[0][:120]})
        return found[:EXAMPLES]


def _word(text: str) -> str:
    """An answer of one word, its case and what stands around it left out."""
    return text.strip().strip(".!\"'*").lower()


def _wait(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)
