"""Questions against a corpus: names become documents, and questions that share an answer are one cluster."""

from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.questions import Question, clusters, resolve_answers


def ask(name: str, *answers: str) -> Question:
    return Question(name, f"{name}?", dict.fromkeys(answers, 1), "written", "dev")


def test_aliases_become_documents_and_unknown_answers_are_left_out() -> None:
    graded = {"alias": 1, "a": 2, "gone": 3, "other": 2, "c": 1}
    asked = Question("q", "q?", graded, "written", "dev", rejected=("other", "b"))
    names = {"a": "a", "alias": "a", "b": "b", "other": "c", "c": "c"}
    assert resolve_answers([asked, ask("r", "gone")], names) == [
        Question("q", "q?", {"a": 2, "c": 2}, "written", "dev", rejected=("c", "b")),
        Question("r", "r?", {}, "written", "dev"),
    ]


def test_questions_that_share_an_answer_are_one_cluster_directly_or_by_others() -> None:
    asked = [ask("q1", "a"), ask("q2", "b"), ask("q3", "c"), ask("q4", "b", "a"), ask("q5"), ask("q6")]
    assert clusters(asked) == ["q1", "q1", "q3", "q1", "q5", "q6"]
    assert clusters([]) == []


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sets(st.sampled_from("abcdefgh"), max_size=3), max_size=12))
def test_clusters_equal_a_search_through_the_questions(answers: list[set[str]]) -> None:
    expected: list[int] = list(range(len(answers)))
    for _ in answers:  # the smallest name of a neighbour is taken over until nothing changes
        for i, mine in enumerate(answers):
            for j, other in enumerate(answers):
                if mine & other:
                    expected[i] = min(expected[i], expected[j])
    found = clusters([ask(str(i), *sorted(names)) for i, names in enumerate(answers)])
    assert found == [str(name) for name in expected]
