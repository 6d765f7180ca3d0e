"""`llmops repair`: names what is wrong with a model's embeddings and index, has a run mend it, and looks again."""

from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from llmops_pipelines.index.damage import KINDS
from llmops_pipelines.local_run import run_repair
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.partitions import production_key
from llmops_pipelines.orchestration.repair import Diagnosis, diagnose
from llmops_pipelines.quality.gates import NAMED_ROWS
from llmops_pipelines.storage.lake import Lake


@dataclass
class Repair:
    """What was found, and after `mend` what is left of it."""

    corpus: Corpus
    lake: Lake
    diagnosis: Diagnosis
    after: Diagnosis | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong now."""
        return not (self.after or self.diagnosis).damaged and not self.failures

    def mend(self, console: Console | None) -> None:
        """Run the job that repairs, in this process, and look again."""
        key = self.diagnosis.model_key
        self.failures = run_repair(self.corpus, key, self.diagnosis.release is not None, console)
        self.after = diagnose(self.corpus, self.lake, key)

    def as_dict(self) -> dict[str, Any]:
        return {
            "corpus": self.corpus.name,
            "model": self.diagnosis.model_key,
            "sound": self.sound,
            "found": self.diagnosis.as_dict(),
            "repaired": self.after is not None and self.sound,
            "after": self.after.as_dict() if self.after else None,
            "failures": self.failures,
        }

    def show(self, console: Console) -> None:
        """Name what is wrong, a table after the other."""
        for table in self.diagnosis.tables:
            version = f"version {table.version}" if table.version is not None else "not there"
            wrong = f"{sum(map(len, table.found.values())):,} wrong" if table.found else "sound"
            console.print(f"[bold]{table.table}[/], {version}, {table.role}: {wrong}", highlight=False, soft_wrap=True)
            for kind, keys in table.found.items():
                more = f", and {len(keys) - NAMED_ROWS:,} more" if len(keys) > NAMED_ROWS else ""
                line = f"  {kind} ({KINDS[kind]}): {len(keys):,}: {', '.join(keys[:NAMED_ROWS])}{more}"
                console.print(line, highlight=False, soft_wrap=True, markup=False)
        if not self.diagnosis.damaged:
            console.print("nothing is wrong, and nothing was done", highlight=False)

    def show_outcome(self, console: Console) -> None:
        """Say what became of every kind of damage."""
        for failure in self.failures:
            console.print(f"failed: {failure}", style="bold red", highlight=False, soft_wrap=True, markup=False)
        assert self.after is not None
        left = {(table.table, table.role.split()[0]): table.found for table in self.after.tables}
        for table in self.diagnosis.damaged:
            for kind, keys in table.found.items():
                still = len(left.get((table.table, table.role.split()[0]), {}).get(kind, []))
                line = f"{table.table}, {table.role}: {kind}: {len(keys) - still:,} of {len(keys):,} repaired"
                console.print(line, highlight=False, soft_wrap=True, markup=False)
        release, before = self.after.release, self.diagnosis.release
        if release and before and release.release_id != before.release_id:
            console.print(f"{release.release_id} is in force", highlight=False)


def find_damage(corpus: Corpus, lake: Lake, model_key: str | None) -> Repair:
    """Look at the embeddings and the index of a model, that in production where none is given."""
    return Repair(corpus, lake, diagnose(corpus, lake, model_key or production_key(corpus, lake)))
