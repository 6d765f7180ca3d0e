"""What tells two states of a model apart: a changed name does, a missing one does not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_pipelines.drift.identity import Identity, hosted_identity, identity_of, local_identity
from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.generation.completion import Completion
from tests.embedding.tiny_models import tiny_model

NAMES = st.dictionaries(
    st.sampled_from(["model", "system fingerprint", "openai-model"]),
    st.lists(st.sampled_from("abcd"), min_size=1, unique=True).map(tuple),
)


def completion(model: str | None, fingerprint: str | None = None, *versions: tuple[str, str]) -> Completion:
    return Completion("yes", "stop", None, model, fingerprint, versions, 1, 1, 0.1)


def test_a_local_model_is_its_fingerprint_and_libraries_are_information(tmp_path: Path) -> None:
    model = ModelFolder("tiny", tiny_model(tmp_path / "a", seed=1))
    other = ModelFolder("tiny", tiny_model(tmp_path / "b", seed=2))
    accepted, now = local_identity(model), local_identity(other)
    assert accepted.names == {"fingerprint": (model.fingerprint,)}
    assert set(accepted.information) >= {"torch", "transformers", "sentence-transformers", "tokenizers"}
    assert now.changes(accepted) == [f"fingerprint was {model.fingerprint[:12]}, is {other.fingerprint[:12]}"]
    assert local_identity(ModelFolder("another name", model.folder)).changes(accepted) == []
    upgraded = Identity(accepted.names, {**accepted.information, "torch": "9"})
    assert (upgraded.changes(accepted), upgraded.hash) == ([], accepted.hash)


def test_a_local_model_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file .*modules\.json"):
        local_identity(ModelFolder("tiny", tmp_path / "gone"))


def test_a_hosted_model_is_all_that_its_answers_name() -> None:
    found = hosted_identity(
        [completion("m-1", "fp_2"), completion("m-1", "fp_1"), completion(None, None, ("openai-model", "m-1-0613"))]
    )
    assert found.names == {"model": ("m-1",), "openai-model": ("m-1-0613",), "system fingerprint": ("fp_1", "fp_2")}
    assert str(found) == "model m-1; openai-model m-1-0613; system fingerprint fp_1 and fp_2"


def test_a_value_that_was_not_there_proves_and_one_of_several_does_not() -> None:
    accepted = hosted_identity([completion("m-1", "fp_1"), completion("m-1", "fp_2")])
    assert hosted_identity([completion("m-1", "fp_2")]).changes(accepted) == []
    assert hosted_identity([completion("m-1", "fp_3"), completion("m-1", "fp_1")]).changes(accepted) == [
        "system fingerprint was fp_1 and fp_2, is fp_1 and fp_3"
    ]
    assert hosted_identity([completion("m-2", "fp_1")]).changes(accepted) == ["model was m-1, is m-2"]


def test_a_name_that_appears_or_goes_proves_nothing() -> None:
    named, unnamed = hosted_identity([completion("m-1", "fp_1")]), hosted_identity([completion("m-1")])
    assert named.changes(unnamed) == unnamed.changes(named) == []
    silent = hosted_identity([completion(None)])
    assert (silent.known, silent.changes(named), str(silent)) == (False, [], "unnamed")
    assert hosted_identity([]) == silent


@given(NAMES, NAMES)
def test_what_changed_is_symmetric_where_each_answers_by_one_name(first: dict, second: dict) -> None:
    one = Identity({name: values[:1] for name, values in first.items()})
    other = Identity({name: values[:1] for name, values in second.items()})
    assert bool(one.changes(other)) == bool(other.changes(one))
    assert one.changes(one) == []


@given(NAMES, st.randoms())
def test_the_hash_is_of_values_in_any_order_and_survives_being_written(names: dict, draw) -> None:
    identity = Identity(names, {"torch": "1"})
    shuffled = {name: tuple(draw.sample(values, len(values))) for name, values in sorted(names.items(), reverse=True)}
    assert Identity(shuffled).hash == identity.hash
    assert identity_of(identity.as_json()) == identity
