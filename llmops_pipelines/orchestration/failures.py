"""What a step that failed says, for people."""

import dagster as dg


def failure_reason(event: dg.DagsterEvent) -> str:
    """What a failed step says: the description of its dg.Failure, else the error that the asset raised."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    if error is None:
        return "no reason was recorded"
    raised = error.cause if error.cause and error.cls_name == "DagsterExecutionStepExecutionError" else error
    return raised.message.strip()
