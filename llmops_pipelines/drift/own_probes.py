"""Probes drawn from a corpus: a change that matters to one domain need not show on texts about everything."""

from collections.abc import Iterable, Sequence

from llmops_pipelines.drift.probes import FEWEST_CALLS, EmbedderProbes, ProbeError
from llmops_pipelines.evaluation.known_items import first_sentence
from llmops_pipelines.storage.identity import text_hash

TEXTS, QUERIES = 120, 60
FEWEST = 20  # of each: among fewer texts the first ten say little
LOSS, JITTER = 0.02, 0.025  # as of the shipped probes


def own_probes(name: str, passages: Iterable[str], questions: Sequence[str]) -> EmbedderProbes:
    """Probes of at most 120 of the passages and 60 of the questions, those with the smallest hash of their text.

    Where there are too few questions, first sentences of other passages stand in for them. Raises ProbeError where there
    are fewer than 20 texts or queries.
    """
    ordered = sorted({text for text in passages if text.strip()}, key=text_hash)
    asked = sorted({text for text in questions if text.strip()}, key=text_hash)[:QUERIES]
    texts = ordered[: min(TEXTS, len(ordered) if len(asked) >= FEWEST else len(ordered) // 2)]
    if len(asked) < FEWEST:
        sentences = (first_sentence(text, "") for text in ordered[len(texts) :])
        asked = list(dict.fromkeys(sentence for sentence in sentences if sentence))[:QUERIES]
    if min(len(texts), len(asked)) < FEWEST:
        raise ProbeError(
            f"{name} has {len(texts)} passages and {len(asked)} questions, or sentences, to draw probes from; {FEWEST} of "
            "each are needed. Use the shipped probes"
        )
    return EmbedderProbes(name, 1, {"passages": tuple(texts)}, tuple(asked), FEWEST_CALLS, LOSS, JITTER)
