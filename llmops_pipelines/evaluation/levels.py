"""The levels of every system on one question set, the candidate's beside production's and those of the untuned base."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import SetFigures, figures
from llmops_pipelines.evaluation.intervals import Estimate
from llmops_pipelines.evaluation.pairing import paired
from llmops_pipelines.evaluation.roles import ACCEPTED, CANDIDATE, PRODUCTION, UNTUNED, Role
from llmops_pipelines.evaluation.suites import Suite
from llmops_pipelines.evaluation.verdict import difference

Row = Mapping[str, Any]
ROLES: tuple[Role, ...] = (CANDIDATE, ACCEPTED, PRODUCTION, UNTUNED)


@dataclass(frozen=True)
class Level:
    """One system of one side. `ahead` is by how much the candidate, as it is judged, is ahead of it on `metric`.

    That is the mean difference over the questions that both measured; None for the candidate itself, and where none is.
    """

    role: Role
    system: str
    metric: str
    estimates: Mapping[str, Estimate]
    unjudged: float
    ahead: Estimate | None

    @property
    def level(self) -> Estimate:
        """The suite's primary metric."""
        return self.estimates[self.metric]


@dataclass(frozen=True)
class SetLevels:
    """The levels on the questions of one set and part, `figures` those of the candidate."""

    figures: SetFigures
    system: str
    levels: Sequence[Level]

    @property
    def sides(self) -> dict[Role, list[Level]]:
        """The levels by side."""
        found: dict[Role, list[Level]] = {}
        for level in self.levels:
            found.setdefault(level.role, []).append(level)
        return found


def levels(suites: Sequence[Suite], rows: Sequence[Row]) -> list[SetLevels]:
    """The levels of each suite on its `rows`, all of one part; a suite without a measured question is left out."""
    found = []
    for suite in suites:
        of: dict[Role, list[Row]] = {
            role: [row for row in rows if (row["question_set"], row["role"]) == (suite.name, role)] for role in ROLES
        }
        sides: dict[Role, SetFigures] = {role: one for role, members in of.items() for one in figures(members)}
        if CANDIDATE in sides:
            own = _of_system(of[CANDIDATE], suite.system)
            shown = [
                _level(sides[role], role, system, suite, _of_system(of[role], system), own)
                for role in sides
                for system in SYSTEMS
            ]
            found.append(SetLevels(sides[CANDIDATE], suite.system, shown))
    return found


def _of_system(rows: Sequence[Row], system: str) -> list[Row]:
    return [row for row in rows if row["system"] == system]


def _level(found: SetFigures, role: Role, system: str, suite: Suite, rows: Sequence[Row], own: Sequence[Row]) -> Level:
    metric = suite.primary.name
    pairs = [pair for pair in paired(rows, own).pairs if pair.measured]
    ahead = None
    if pairs and (role, system) != (CANDIDATE, suite.system):
        changes = [pair.after[metric] - pair.before[metric] for pair in pairs]
        ahead = difference(changes, [pair.cluster for pair in pairs])
    return Level(role, system, metric, found.estimates[system], found.unjudged_at_10[system], ahead)
