"""Asks a large language model its prompts, in tiers."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from llmops_pipelines.drift.drawn import Compared, Cost, Drawn, Progress, Spent
from llmops_pipelines.drift.identity import hosted_identity
from llmops_pipelines.drift.power import power_of_drop
from llmops_pipelines.drift.probes import LLMProbes, Tier
from llmops_pipelines.drift.replies import Embed, Replies, compare_replies, unanswered_calls
from llmops_pipelines.drift.verdict import LEVEL, MOST_FAILED
from llmops_pipelines.embedding.batches import estimated_tokens
from llmops_pipelines.embedding.hosted_client import Failure
from llmops_pipelines.embedding.hosted_retries import Patience
from llmops_pipelines.generation.chat_endpoint import ChatEndpoint, Prompt
from llmops_pipelines.generation.completion import Completion

REFUSED = "I cannot answer: the endpoint refused the request."


@dataclass(frozen=True)
class _Call:
    tier: Tier
    name: str
    prompt: str


class ReplyProbe:
    """The probes of one large language model. `embed` gives unit vectors of free texts."""

    def __init__(self, probes: LLMProbes, endpoint: ChatEndpoint, embed: Embed) -> None:
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
                if isinstance(found, Failure) and found.filtered:
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

    def compared(self, reference: Replies, drawn: Drawn) -> Compared:
        return compare_replies(self.probes, reference, drawn.answers, drawn.spent, self._embed)

    def lacking(self, answers: Replies) -> str:
        for tier in answers:
            asked, unanswered = unanswered_calls(self.probes, tier, answers, self.probes.calls)
            if unanswered > MOST_FAILED * asked:
                return f"{unanswered} of {asked} calls of its {tier} had no answer, at most {MOST_FAILED:.0%} may"
        return ""

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
        try:
            found = patience.ask(
                lambda: self._endpoint.ask(prompt),
                len(call.prompt) // 4,
                lambda seconds: _wait(stop, seconds),
                self._endpoint.model.max_retries,
            )
        except _StoppedError:
            return None
        if isinstance(found, Completion) and not (found.refusal or found.text).strip():
            return Failure("failing", f"its answer is empty (finish_reason {found.finish_reason})")
        return found


class _StoppedError(Exception):
    """Ends a call whose look can say nothing any more."""


def _wait(stop: threading.Event, seconds: float) -> None:
    if stop.wait(seconds):
        raise _StoppedError
