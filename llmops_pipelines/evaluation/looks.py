"""Looks at test questions: each new configuration that is judged on them spends one, and a suite has so many and no more.

What is chosen by its score on the same test questions, again and again, fits them in the end (Dwork et al., "The reusable
holdout: preserving validity in adaptive data analysis", Science 349, 2015). The bound is what keeps them test questions.
"""

import datetime

from llmops_pipelines.evaluation.suites import Suite
from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import LOOKS


class Looks:
    """The looks of `corpus` in `lake`: rows that are only ever added, kept by the hash of the questions looked at.

    The newest version of the table is the truth: nothing is staged in it, and nothing published.
    """

    def __init__(self, lake: Lake, corpus: str) -> None:
        self.table = f"{corpus}.looks"
        self._rows = AppendOnly(lake, self.table, LOOKS)

    def count(self, test_hash: str) -> int:
        """How many looks at the questions of `test_hash` are spent."""
        return len(self._spent(test_hash))

    def spent(self, suite: Suite) -> bool:
        """Whether no configuration that has none yet gets a look at the questions of `suite`."""
        return self.count(suite.test_hash) >= suite.max_looks

    def may(self, suite: Suite, configuration: str) -> bool:
        """Whether `configuration` has its look already, or one is left for it. Spends none."""
        spent = self._spent(suite.test_hash)
        return configuration in spent or len(spent) < suite.max_looks

    def spend(self, suite: Suite, configuration: str, requested_by: str) -> bool:
        """Whether `configuration` may be judged on `suite`. Ask before anything of it is measured there.

        It may where it has its look already, however often it is judged, and where one is left: that is spent now, in one
        commit. Several processes may ask at once: each look is a key, numbered, that only one of them gets.
        """
        while configuration not in (spent := self._spent(suite.test_hash)):
            if len(spent) >= suite.max_looks:
                return False
            look = {
                "look_id": f"{suite.test_hash}/{max(spent.values(), default=0) + 1:04}",
                "suite": suite.name,
                "test_hash": suite.test_hash,
                "configuration": configuration,
                "at": datetime.datetime.now(datetime.UTC),
                "requested_by": requested_by,
            }
            self._rows.insert(look)
        return True

    def _spent(self, test_hash: str) -> dict[str, int]:
        """The configurations that have a look at the questions of `test_hash`, as of now, and the number of each look."""
        return {
            row["configuration"]: int(row["look_id"].rpartition("/")[2])
            for row in self._rows.rows()
            if row["test_hash"] == test_hash
        }
