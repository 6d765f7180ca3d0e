"""How a report words what was decided. A verdict has words, a sign, a shape and a colour: none of them is needed alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.evaluation.decision import FIRST, SuiteDecision
from llmops_pipelines.evaluation.roles import ACCEPTED, CANDIDATE, PRODUCTION, UNTUNED
from llmops_pipelines.evaluation.verdict import Verdict

SYSTEM_NAMES = {"bm25": "full text (BM25)", "dense": "vectors (dense)", "hybrid": "hybrid"}
ROLE_NAMES = {CANDIDATE: "candidate", ACCEPTED: "model as accepted", PRODUCTION: "production", UNTUNED: "untuned base"}


@dataclass(frozen=True)
class Wording:
    """`shape` is a symbol of Vega; `color` is of Okabe and Ito, "Color universal design", 2008, or grey."""

    words: str
    sign: str
    shape: str
    color: str


VERDICTS: Mapping[str, Wording] = {
    Verdict.BETTER: Wording("better", "▲", "triangle-up", "#009E73"),
    Verdict.NOT_WORSE: Wording("not worse", "●", "circle", "#0072B2"),
    Verdict.WORSE: Wording("worse", "▼", "triangle-down", "#D55E00"),
    Verdict.INCONCLUSIVE: Wording("inconclusive", "◆", "diamond", "#6E6E6E"),
    FIRST: Wording("first release", "■", "square", "#0072B2"),
}


def verdict_line(verdict: str, promotes: bool) -> str:
    """The verdict and what follows, without its sign."""
    words = VERDICTS[verdict].words
    return f"{words[0].upper()}{words[1:]}: {'promoted' if promotes else 'not promoted'}"


def what_it_would_take(decision: SuiteDecision) -> str | None:
    """How many more questions would tell; None where the primary metric is decided, or nothing was tested."""
    if decision.primary is None or decision.primary.judgement.verdict != Verdict.INCONCLUSIVE:
        return None
    where = f"{decision.suite} ({decision.part})"
    needed = decision.primary.judgement.questions_needed
    if needed is None:
        return f"How many more questions of {where} would tell cannot be said: its differences show no number that would do."
    if needed == 0:
        return (
            f"{where} has questions enough: a candidate equal to production passes with them in at least 80 of 100 cases. "
            "More questions help where this one is equal, not where it lost."
        )
    return (
        f"With about {needed:,} more questions like those of {where} a candidate that is equal to production would be shown "
        "to be not worse in 80 of 100 cases."
    )


def what_changed(summary: Mapping[str, Any]) -> str | None:
    """In what candidate and production differ, from the summary of an evaluation; None where production is not in it."""
    sides = {side["role"]: side for side in summary["sides"]}
    candidate, production = sides[CANDIDATE], sides.get(PRODUCTION)
    if production is None:
        return None
    if summary["data_only"]:
        return "Only the documents: model, chunker, cleaner and search settings are those in production."
    changed = [
        words
        for words, name in (
            (f"the model ({production['key']} to {candidate['key']})", "fingerprint"),
            ("the chunker (how documents are cut into passages)", "chunker"),
            ("the cleaner (what is kept of documents)", "cleaner"),
            (f"the search settings ({_settings(production, candidate)})", "search"),
        )
        if production[name] != candidate[name]
    ]
    found = ", and ".join([", ".join(changed[:-1]), changed[-1]] if len(changed) > 1 else changed)
    documents = (
        " The documents changed as well: production was brought to those of the candidate for this comparison "
        f"({production['rebuilt']:,} texts embedded), so that they are no part of it."
        if production["rebuilt"] is not None
        else ""
    )
    return f"{found[:1].upper()}{found[1:]}.{documents}" if found else f"Nothing that is recorded.{documents}"


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}: {before['search'].get(name)} to {value}"
        for name, value in after["search"].items()
        if before["search"].get(name) != value
    )


def sentence(text: str) -> str:
    """`text` with a capital first, unless it begins with a name such as nDCG@10, and a full stop."""
    first = text.split(maxsplit=1)[0]
    return f"{text[0].upper() if first.isalpha() and first.islower() else text[0]}{text[1:]}."


def p_value(p: float) -> str:
    """A p to three places, or that it is less."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def percent(share: float) -> str:
    """A share in whole percent; one that is neither nothing nor all is not rounded to it."""
    if 0 < share < 0.01:
        return "< 1 %"
    return f"{min(99, round(100 * share)) if share < 1 else 100} %"
