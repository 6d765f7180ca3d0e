"""Tells people of failed runs by a webhook. A change of an upstream model fails the run that notices it: it is told too."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import dagster as dg

from llmops_pipelines.orchestration.failures import failure_reason

WEBHOOK = "LLMOPS_ALERT_WEBHOOK"  # environment variable: where to post; the URL is a secret of its own
TIMEOUT_SECONDS = 10
PAUSES = (1.0, 4.0)  # between tries: Dagster evaluates the sensor once, and for a minute at most
LONGEST = 1_500  # characters of what failed


class AlertError(RuntimeError):
    """An alert that could not be delivered; Dagster does not try it again. The message holds no URL."""


def alert_sensor() -> dg.SensorDefinition:
    """Posts a JSON object for each failed run of this code location. Ships stopped."""

    @dg.run_failure_sensor(
        name="alerts",
        description=f"Posts each failed run, and each change of an upstream model, to the URL in {WEBHOOK}. Ships stopped.",
        default_status=dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
    )
    def alerts(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        url = os.environ.get(WEBHOOK, "").strip()
        if not url:
            return dg.SkipReason(f"{WEBHOOK} is not set: nobody is told")
        run = context.dagster_run
        said = "; ".join(map(failure_reason, context.get_step_failure_events())) or context.failure_event.message
        post(
            url,
            {
                "text": f"{run.job_name} failed: {said}"[:LONGEST],
                "job": run.job_name,
                "run_id": run.run_id,
                "partition": run.tags.get("dagster/partition"),
                "tags": {name: value for name, value in run.tags.items() if not name.startswith((".", "dagster/"))},
            },
        )
        return None

    return alerts


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would be followed by GET, without the alert."""

    def redirect_request(self, *_: object) -> None:
        return None


def post(url: str, content: dict[str, object]) -> None:
    """Send `content` as JSON, a few times where that fails. Raises AlertError where it is not taken."""
    host, said = "the webhook", ""
    for pause in (*PAUSES, None):
        try:
            host = urlsplit(url).hostname or host
            body, headers = json.dumps(content).encode(), {"Content-Type": "application/json"}
            request = urllib.request.Request(url, body, headers, method="POST")
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS):
                return
        except urllib.error.HTTPError as error:
            said = f"HTTP {error.code}"
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            said = type(error).__name__
        if pause:
            time.sleep(pause)
    raise AlertError(f"{host} did not take the alert: {said}. Check the URL in {WEBHOOK}, where Dagster runs")
