"""The result of a gate: passes on no offenders, and names at most twenty of them."""

from llmops_pipelines.quality.gates import GateFailedError, GateResult, offenders_gate


def test_no_offenders_pass_and_name_nothing() -> None:
    gate = offenders_gate("complete", [], "Every chunk has a vector.", wanted=7)
    assert gate == GateResult("complete", True, {"failures": 0, "wanted": 7}, "Every chunk has a vector.")


def test_offenders_fail_and_are_named_in_order() -> None:
    gate = offenders_gate("complete", ["c", "a", "b"], "Every chunk has a vector.", wanted=7)
    assert not gate.passed
    assert gate.metadata == {"failures": 3, "wanted": 7, "offending": ["a", "b", "c"]}


def test_all_offenders_are_counted_but_only_twenty_are_named() -> None:
    names = [f"row-{i:03}" for i in range(50)]
    gate = offenders_gate("complete", names[::-1], "Every chunk has a vector.")
    assert gate.metadata["failures"] == 50
    assert gate.metadata["offending"] == names[:20]


def test_a_failed_gate_as_an_error_says_which_and_what() -> None:
    gate = offenders_gate("not_empty", ["all"], "The source holds a document.")
    assert str(GateFailedError(gate)) == "not_empty: The source holds a document."
    assert GateFailedError(gate).gate is gate


def test_a_gate_as_plain_data() -> None:
    gate = offenders_gate("finite", ["x"], "No NaN.")
    assert gate.as_dict() == {
        "name": "finite",
        "passed": False,
        "metadata": {"failures": 1, "offending": ["x"]},
        "description": "No NaN.",
        "blocking": True,
    }
