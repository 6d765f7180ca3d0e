"""The code location: what `assets/` declares, bound to the resources of this environment."""

from pathlib import Path

import dagster as dg

from llmops_pipelines.orchestration.alerts import alert_sensor
from resources import bindings


@dg.definitions
def defs() -> dg.Definitions:
    """Everything that Dagster sees of this project."""
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        bindings(),
        dg.Definitions(sensors=[alert_sensor()]),
    )
