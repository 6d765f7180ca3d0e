"""Ticks: a look at a model against a reference, and the second look that confirms it, judged by every method.

The project's rule is what `compare_vectors` and `judge` say; `tests alone` is the same without the floor of an effect.
A rival judges the first look and asks for no second one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.drift.rivals import Finding, Rival
from llmops_pipelines.drift.probes import EmbedderProbes
from llmops_pipelines.drift.vectors import Vectors, compare_vectors
from llmops_pipelines.drift.verdict import DriftVerdict, Look, judge
from llmops_pipelines.evaluation.holm import holm

RULE, TESTS_ALONE = "rule", "tests alone"
DrawLooks = Callable[[int], tuple[Vectors, Vectors]]  # of a reference, by its place


@dataclass(frozen=True)
class Tick:
    """What the methods found at one tick of one reference, `number` from 1; `first` is the first look of the rule."""

    reference: int
    number: int
    first: Look
    findings: Mapping[str, Finding]

    @property
    def p(self) -> float:
        """The smallest p of the first look after Holm's correction."""
        return min(holm({family.name: family.p for family in self.first.families}).values())

    @property
    def effect(self) -> float:
        """The greatest effect of a family of the first look, a share of the first ten."""
        return max(family.effect for family in self.first.families)


class Judge:
    """Compares looks with references by the rule and by `rivals`."""

    def __init__(self, probes: EmbedderProbes, rivals: Mapping[str, Rival]) -> None:
        self._probes = probes
        self._rivals = rivals

    def ticks(self, references: Sequence[Vectors], draw: DrawLooks, ticks: int) -> list[Tick]:
        """So many ticks of each reference; `draw` gives the two looks of each."""
        return [
            self.tick(place, number, reference, draw(place))
            for place, reference in enumerate(references)
            for number in range(1, ticks + 1)
        ]

    def tick(self, place: int, number: int, reference: Vectors, drawn: tuple[Vectors, Vectors]) -> Tick:
        first = self._look(reference, drawn[0])
        looks = [first, *([self._look(reference, drawn[1])] if alarmed(first) else [])]
        effect = max(family.effect for family in first.families)
        findings = {
            RULE: Finding(effect, changed(looks)),
            TESTS_ALONE: Finding(effect, changed([_without_floor(look) for look in looks])),
            **{name: rival(reference, drawn[0]) for name, rival in self._rivals.items()},
        }
        return Tick(place, number, first, findings)

    def _look(self, reference: Vectors, vectors: Vectors) -> Look:
        return compare_vectors(self._probes, reference, vectors).look


def changed(looks: Sequence[Look]) -> bool:
    """Whether the verdict is that behaviour has changed; the last look is the one that confirms, where there are two."""
    return judge([], looks[0], lambda: looks[-1]).verdict == DriftVerdict.BEHAVIOUR_CHANGED


def alarmed(look: Look) -> bool:
    """Whether the tests alone find a change in a look, whatever its effect."""
    return bool(_without_floor(look).alarms)


def two_looks(size: int, calls: int, generator: np.random.Generator, without: range = range(0)) -> list[np.ndarray]:
    """The places of two looks of `calls` calls each among `size`, no call in both, none of `without`."""
    free = np.setdiff1d(np.arange(size), np.arange(without.start, without.stop))
    chosen = generator.permutation(free)[: 2 * calls]
    return [chosen[:calls], chosen[calls:]]


def _without_floor(look: Look) -> Look:
    """An effect of nothing reaches a floor below it: significance alone is left."""
    return replace(look, families=[replace(family, floor=-1.0) for family in look.families])
