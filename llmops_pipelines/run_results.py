"""What a run in this process did: what it materialised, what failed and why, and how that is printed."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from rich.console import Console

from llmops_pipelines.orchestration.failures import failure_reason


def materialised(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """The metadata of what a run materialised, by stage."""
    return {
        event.materialization.asset_key.path[-1]: {k: v.value for k, v in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    }


def promoted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether the report of a run carries a verdict that promotes."""
    return bool(materialised(result).get("evaluation_report", {}).get("promotes"))


def not_promoted(result: dg.ExecuteInProcessResult) -> str | None:
    """Why a run that succeeded released nothing; None where it released, or was not to.

    A verdict is named without its figures, which may be of test questions: its report has them.
    """
    for check in result.get_asset_check_evaluations():
        if check.asset_key.path[-1] == "release" and check.check_name == "promoted" and not check.passed:
            report = materialised(result).get("evaluation_report", {})
            if report.get("promotes", True):
                return check.description
            return f"not released: {report['verdict']}; the report says why"
    return None


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """The steps of a run that failed, and what each says."""
    steps = result.filter_events(lambda event: event.is_step_failure)
    return [f"{event.step_key}: {failure_reason(event)}" for event in steps]


def show_lines(console: Console, lines: Mapping[str, Any]) -> None:
    """Print a line for each value that is known."""
    for name, value in lines.items():
        if value is not None:
            shown = f"{value:,}" if isinstance(value, int) else value
            console.print(f"[bold]{name:>10}[/]  {shown}", highlight=False, soft_wrap=True)


def with_interval(mean: float | None, interval: list[float] | None) -> str | None:
    """A figure of the dev questions with its 95 % interval, None where there is none."""
    if mean is None or interval is None:
        return None
    return f"{mean:.3f} [{interval[0]:.3f}, {interval[1]:.3f}] (dev, 95 % interval)"
