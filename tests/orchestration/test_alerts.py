"""Failed runs are told to a webhook over a real socket; what is not taken is an error that does not show its URL."""

import json

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from llmops_pipelines.orchestration import alerts
from llmops_pipelines.orchestration.alerts import WEBHOOK, AlertError, alert_sensor, post


@pytest.fixture
def failed(instance: dg.DagsterInstance) -> dg.RunFailureSensorContext:
    @dg.op
    def notice() -> None:
        raise dg.Failure("embed: behaviour_changed: queries lost a third", allow_retries=False)

    job = dg.GraphDefinition(name="upstream_embed_observe", node_defs=[notice]).to_job(tags={"upstream": "embed"})
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    event = next(event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE")
    context = dg.build_run_status_sensor_context(
        "alerts", dagster_event=event, dagster_instance=instance, dagster_run=result.dagster_run
    )
    return context.for_run_failure()


def test_a_failed_run_is_told_with_its_reason(
    failed: dg.RunFailureSensorContext, http_server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    http_server.clear()
    told: list[dict[str, object]] = []

    def take(request: Request) -> Response:
        told.append(json.loads(request.get_data()))
        return Response("", 204)

    http_server.expect_request("/hook/secret", method="POST").respond_with_handler(take)
    monkeypatch.setenv(WEBHOOK, http_server.url_for("/hook/secret"))
    assert alert_sensor()(failed) is None
    (content,) = told
    assert content["text"] == "upstream_embed_observe failed: embed: behaviour_changed: queries lost a third"
    assert content["job"] == "upstream_embed_observe"
    assert content["tags"] == {"upstream": "embed"}


def test_without_a_webhook_nobody_is_told_and_it_says_so(
    failed: dg.RunFailureSensorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WEBHOOK, raising=False)
    skipped = alert_sensor()(failed)
    assert isinstance(skipped, dg.SkipReason)
    assert WEBHOOK in str(skipped.skip_message)


def test_what_is_not_taken_at_once_is_sent_again(http_server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "PAUSES", (0.01, 0.01))
    http_server.clear()
    answers = [Response("", 503), Response("", 302, {"Location": "/elsewhere"}), Response("", 204)]
    http_server.expect_request("/hook").respond_with_handler(lambda request: answers.pop(0))
    post(http_server.url_for("/hook"), {})
    assert answers == []


def test_what_is_not_taken_is_an_error_that_holds_no_url(
    http_server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "PAUSES", ())
    http_server.clear()
    http_server.expect_request("/hook/secret").respond_with_data("", 500)
    with pytest.raises(AlertError, match=r"127\.0\.0\.1 did not take the alert: HTTP 500") as raised:
        post(http_server.url_for("/hook/secret"), {})
    assert "secret" not in str(raised.value)
    with pytest.raises(AlertError, match="URLError"):
        post("http://127.0.0.1:9/secret", {})
    with pytest.raises(AlertError, match="InvalidURL") as raised:
        post("http://127.0.0.1:9/secret with a space", {})
    assert raised.value.__cause__ is None
    assert "secret" not in str(raised.value)
    with pytest.raises(AlertError, match="the webhook did not take the alert: ValueError"):
        post("secret", {})


def test_it_ships_stopped() -> None:
    assert alert_sensor().default_status == dg.DefaultSensorStatus.STOPPED
