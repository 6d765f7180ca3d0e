from hypothesis import given
from hypothesis import strategies as st

from llmops_pipelines.evaluation.holm import holm


def test_an_example_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_between_one_test_and_bonferroni_and_in_the_same_order(p: dict[str, float]) -> None:
    found = holm(p)
    assert list(found) == list(p)
    assert all(p[name] <= found[name] <= min(1.0, len(p) * p[name]) for name in p)
    in_order = sorted(p, key=lambda name: p[name])
    assert [found[name] for name in in_order] == sorted(found.values())
