"""One call of a hosted model's `embed`: its batches in threads, what fails split until the text at fault is found."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import NoReturn

from llmops_pipelines.embedding.batches import shares
from llmops_pipelines.embedding.embedder import Embedded
from llmops_pipelines.embedding.hosted_answer import Answer
from llmops_pipelines.embedding.hosted_client import Failure
from llmops_pipelines.embedding.hosted_endpoint import Endpoint
from llmops_pipelines.embedding.hosted_model import HostedModelError
from llmops_pipelines.embedding.hosted_retries import Patience
from llmops_pipelines.embedding.partial import Refusal, TextsRefusedError
from llmops_pipelines.storage.identity import text_hash

# Where so many texts of one call are refused, the request is wrong rather than the texts, and each costs requests.
MOST_REFUSED = 8
# A part of a batch that failed for good is tried this often more than once: the whole had all its tries before.
SPLIT_RETRIES = 2


class _StoppedError(Exception):
    """Ends a thread whose call has failed elsewhere."""


class HostedCall:
    """The texts of one call, with their estimated tokens, and what was made of them.

    A batch that is refused is split until each text at fault is known; the others go through. A batch that fails for
    good is split in the same way, but only while one half goes through: where both fail, the endpoint is at fault.
    A text that was sent by itself is at fault where the endpoint answered another thread meanwhile.
    The first failure that is no text's stops all threads; what is under way is waited for and kept.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        patience: Patience,
        texts: Sequence[str],
        prompt: str,
        tokens: Sequence[int],
        paid: Callable[[Answer, int], int],
        sent: Callable[[], None],
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        import numpy as np

        self._endpoint = endpoint
        self._patience = patience
        self._model = endpoint.model
        self._texts = texts
        self._prompt = prompt
        self._estimated = tokens
        self._paid = paid
        self._sent = sent
        self._stop = threading.Event()
        self._sleep = sleep or self._stop.wait
        self._lock = threading.Lock()
        self._vectors = np.zeros((len(texts), self._model.dimension), dtype=np.float32)
        self._tokens = list(tokens)
        self._truncated = [False] * len(texts)
        self._made = [False] * len(texts)
        self._answers = 0
        self._refused: list[Refusal] = []
        self._failure: Failure | None = None

    def run(self, batches: Sequence[list[int]], progress: Callable[[int], None]) -> None:
        """Embed `batches`, positions of texts, telling `progress` how many are made. What fails is kept for `embedded`."""
        with ThreadPoolExecutor(max(1, min(self._model.concurrency, len(batches))), "hosted") as pool:
            running = [pool.submit(self._thread, batch) for batch in batches]
            try:
                for finished in as_completed(running):
                    finished.result()
                    progress(self.made)
            finally:
                self._stop.set()
                pool.shutdown(cancel_futures=True)

    @property
    def made(self) -> int:
        """How many texts have their vector."""
        return sum(self._made)

    def embedded(self) -> Embedded:
        """The vectors of all texts. Raises HostedModelError or TextsRefusedError with those that were made."""
        positions = [position for position, made in enumerate(self._made) if made]
        part = Embedded(
            self._vectors[positions],
            [self._tokens[position] for position in positions],
            [self._truncated[position] for position in positions],
        )
        if self._failure:
            error = HostedModelError(self._explained(self._failure), positions, part)
            error.gone = self._failure.gone
            raise error
        if self._refused:
            refused = sorted(self._refused, key=lambda refusal: refusal.position)
            gave_up = len(positions) + len(refused) < len(self._texts)
            raise TextsRefusedError(self._model.name, refused, positions, part, gave_up)
        return part

    def _thread(self, batch: list[int]) -> None:
        try:
            self._embed(batch)
        except _StoppedError:
            return

    def _embed(self, batch: list[int]) -> None:
        answers = self._answers
        failure = self._ask(batch, self._model.max_retries)
        if failure is None:
            return
        if failure.kind != "failing":
            self._fail(failure)
        if len(batch) > 1:
            self._isolate(batch, failure)
        elif self._answers > answers:
            self._refuse(batch[0], f"the endpoint fails on it, {failure.reason}")
        else:
            content_hash = text_hash(self._texts[batch[0]])
            self._fail(replace(failure, reason=f"{failure.reason}; for the text with content_hash {content_hash}"))

    def _ask(self, batch: list[int], retries: int) -> Failure | None:
        """Keeps what the endpoint answers for `batch`, splitting it where it is refused. The failure that remains."""
        if self._stop.is_set():
            raise _StoppedError
        texts = [self._prompt + self._texts[position] for position in batch]
        estimated = sum(self._estimated[position] for position in batch)
        found = self._patience.ask(lambda: self._endpoint.ask(texts), estimated, self._pause, retries, self._sent)
        if isinstance(found, Answer):
            self._keep(batch, found, estimated)
        elif found.kind != "refused":
            return found
        elif len(batch) == 1:
            self._refuse(batch[0], found.reason)
        else:
            for half in _halves(batch):
                self._embed(half)
        return None

    def _isolate(self, batch: list[int], failure: Failure) -> None:
        """Finds the one text of `batch` on which the endpoint fails for good."""
        while len(batch) > 1:
            tried = [(half, self._ask(half, SPLIT_RETRIES)) for half in _halves(batch)]
            failed = [(half, found) for half, found in tried if found]
            if not failed:
                return
            other = next((found for _, found in failed if found.kind != "failing"), None)
            if other or len(failed) > 1:
                self._fail(other or failure)
            batch, failure = failed[0]
        self._refuse(batch[0], f"the endpoint fails on it, {failure.reason}")

    def _keep(self, batch: list[int], answer: Answer, estimated: int) -> None:
        tokens = self._paid(answer, estimated)
        with self._lock:
            self._answers += 1
        if answer.vectors is None:
            self._fail(Failure("final", answer.wrong or "its answer has no vectors"))
        window = self._model.max_tokens
        alone = len(batch) == 1 and estimated > window
        parts = shares(tokens, [self._estimated[position] for position in batch])
        for row, position in enumerate(batch):
            if row in answer.faults:
                self._refuse(position, answer.faults[row])
                continue
            self._vectors[position] = answer.vectors[row]
            self._tokens[position] = parts[row]
            self._truncated[position] = alone and answer.tokens is not None and answer.tokens >= window
            self._made[position] = True

    def _refuse(self, position: int, reason: str) -> None:
        text = self._texts[position]
        with self._lock:
            self._refused.append(Refusal(position, text_hash(text), len(text), reason))
            if len(self._refused) >= MOST_REFUSED:
                self._stop.set()

    def _fail(self, failure: Failure) -> NoReturn:
        with self._lock:
            self._failure = self._failure or failure
        self._stop.set()
        raise _StoppedError

    def _explained(self, failure: Failure) -> str:
        again = "Run again later: what is committed is not paid for twice"
        said = {
            "busy": f" keeps refusing for its rate limit ({failure.reason}). {again}. Or lower batch_tokens or concurrency",
            "failing": f" keeps failing ({failure.reason}). {again}. Where only large requests fail, lower batch_texts "
            "or batch_tokens, or raise timeout_seconds",
            "unreachable": f" cannot be reached ({failure.reason}). Check base_url and the network. {again}",
        }
        where = f"model {self._model.name}: {self._model.model} at {self._model.base_url}"
        return where + said.get(failure.kind, f": {failure.reason}")

    def _pause(self, seconds: float) -> None:
        self._sleep(seconds)
        if self._stop.is_set():
            raise _StoppedError


def _halves(batch: list[int]) -> tuple[list[int], list[int]]:
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]
