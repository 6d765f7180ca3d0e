"""An upstream embedder drifts: what is asked for, what it shows, what is blocked, and who makes it the reference again."""

import datetime
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer

from llmops_pipelines import release
from llmops_pipelines.drift.verdict import DriftVerdict
from llmops_pipelines.embedding.configured import UsableModels
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.orchestration import reevaluation
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.orchestration.stages import SOURCE_STAGES
from llmops_pipelines.orchestration.upstream.asset import VERDICT_TAG
from llmops_pipelines.release.reader import BlockedModelError
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.upstream_schemas import BLOCKS
from tests.conftest import PROJECT
from tests.dagster_runs import checks, failure, failures, metadata, promote
from tests.drift.upstream_models import failing
from tests.orchestration.drifting import HOSTED, Drifting, noisy, semantic


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, http_server: HTTPServer) -> Path:
    """A folder with a deployment whose upstream model's index is in force, and the model accepted; every test has a copy."""
    folder = tmp_path_factory.mktemp("prepared")
    lake, home = Lake(str(folder / "lake")), folder / "home"
    home.mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        made = Drifting(folder, http_server, instance, lake)
        register_keys(made.corpus, instance, lake)
        sources = [*map(made.corpus.key, SOURCE_STAGES)]
        made.run("glossary_life", partition_key=made.base, asset_selection=sources)
        result = made.run("glossary_candidate", partition_key=made.key)
        assert result.success, failures(result)
        assert promote(made.corpus, instance, lake.uri, made.key).success
        made.accept()
        assert made.observe().verdict == DriftVerdict.UNCHANGED
    return folder


@pytest.fixture
def released(prepared: Path, tmp_path: Path, http_server: HTTPServer) -> Iterator[Drifting]:
    folder = tmp_path / "copy"
    shutil.copytree(prepared, folder)
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        made = Drifting(folder, http_server, instance, Lake(str(folder / "lake")), reevaluation={"cool_down_hours": 0})
        assert made.look() == []
        yield made


def keys(requests: list[dg.RunRequest]) -> list[str]:
    """The run keys without the time of the change, which is their last part."""
    return [str(request.run_key).rpartition("/")[0] for request in requests]


def test_nothing_is_asked_for_before_a_change_and_one_run_after_it(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    assert released.observe().verdict == DriftVerdict.BEHAVIOUR_CHANGED
    asked = released.look()
    assert keys(asked) == [f"embed/1/{released.key}"]
    assert {key.path[-1] for key in asked[0].asset_selection or []} == {"evaluation", "evaluation_report", "release"}
    for _ in range(3):
        released.observe()
        assert released.look() == []


def test_from_a_to_b_to_a_to_b_is_two_changes_and_two_runs(released: Drifting) -> None:
    asked = []
    for model in (noisy(2.0), semantic, noisy(2.0), semantic):
        released.server.model = model
        released.observe()
        asked += keys(released.look())
    assert asked == [f"embed/1/{released.key}", f"embed/2/{released.key}"]


def test_what_is_killed_between_request_and_cursor_asks_for_the_same_run(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    released.observe()
    first, again = (released.tick(released.cursor) for _ in range(2))  # the cursor of the first is lost
    assert keys(list(first.run_requests or [])) == keys(list(again.run_requests or [])) == [f"embed/1/{released.key}"]
    never = released.tick(None)
    assert keys(list(never.run_requests or [])) == [f"embed/1/{released.key}"]


def test_a_change_that_hurts_is_shown_and_blocks_the_search_until_it_is_undone(released: Drifting) -> None:
    reader = release.open("glossary", released.lake)
    assert reader.search("dry land of sand", "dense")
    released.server.model = noisy(4.0)
    found = released.observe()
    assert {family.name for family in found.families} == set(found.alarms) == {"queries", "documents"}
    with pytest.raises(BlockedModelError, match=r"upstream/embed has changed \(documents, queries; change 1 of it\)"):
        reader.search("dry land of sand")
    assert reader.search("desert", "full_text"), "words need no model"
    result = released.carry_out(released.look()[0])
    assert result.success, failures(result)
    assert not checks(result)["evaluation_report:as_accepted"]
    shown = metadata(result)["evaluation_report"]
    assert "**worse**" in shown["since the model was accepted"]
    assert "60" in shown["plan to embed anew (raise epoch)"]
    assert released.model.upstream(released.lake).state().episode == 1, "no verdict re-baselines"
    released.server.model = semantic
    released.observe()
    assert reader.search("dry land of sand", "dense")


def test_a_change_that_does_not_hurt_is_accepted_by_its_evaluation(released: Drifting) -> None:
    released.server.model = noisy(0.3)
    assert released.observe().verdict == DriftVerdict.BEHAVIOUR_CHANGED
    result = released.carry_out(released.look()[0])
    assert result.success, failures(result)
    assert checks(result)["evaluation_report:as_accepted"]
    state = released.model.upstream(released.lake).state()
    assert (state.episode, state.accepted) == (None, 1)
    assert state.reference is not None
    assert state.reference.reason.startswith("evaluated on glossary: ")
    assert released.observe().verdict == DriftVerdict.UNCHANGED
    assert release.open("glossary", released.lake).search("dry land of sand", "dense")
    assert released.look() == []
    again = released.run("glossary_candidate", partition_key=released.key)
    assert metadata(again)["evaluation"]["done"].startswith("nothing"), "what was measured of it stays true"


def test_a_release_of_what_hurts_accepts_nothing(released: Drifting) -> None:
    """The model is found at another URL: a new row of what is in force, and no reason to take the model as it is."""
    released.server.model = noisy(4.0)
    released.observe()
    request = released.look()[0]
    assert released.carry_out(request).success
    moved = [*released.corpus.settings.embeddings.models]
    url = released.model.settings.model.base_url.replace("127.0.0.1", "localhost")
    moved[1] = released.model.settings.model.model_copy(update={"base_url": url})
    section = released.corpus.settings.embeddings.model_copy(update={"models": moved})
    settings = released.corpus.settings.model_copy(update={"embeddings": section})
    released.corpus = replace(released.corpus, settings=settings)
    result = released.carry_out(request)
    assert "released r" in metadata(result)["release"]["done"]
    assert not checks(result)["evaluation_report:as_accepted"]
    assert released.model.upstream(released.lake).state().episode == 1
    with pytest.raises(BlockedModelError):
        release.open("glossary", released.lake).search("dry land of sand", "dense")


def test_an_acceptance_that_fails_fails_the_run_and_is_made_by_the_next(released: Drifting) -> None:
    released.server.model = noisy(0.3)
    released.observe()
    request = released.look()[0]
    upto = [key for key in request.asset_selection or [] if key.path[-1] != "release"]
    assert released.carry_out(request._replace(asset_selection=upto)).success
    released.server.down = failing(500)
    result = released.run(
        "glossary_reevaluation",
        partition_key=request.partition_key,
        asset_selection=[released.corpus.key("release")],
        tags=request.tags,
    )
    assert not result.success
    assert "could not be accepted: embed is not accepted: 800 of 800 calls had no answer" in failure(result)
    assert release.open("glossary", released.lake).search("desert", "full_text"), "what is in force stays"
    released.server.down = None
    assert released.run(
        "glossary_reevaluation",
        partition_key=request.partition_key,
        asset_selection=[released.corpus.key("release")],
        tags=request.tags,
    ).success
    assert released.model.upstream(released.lake).state().accepted == 1


def test_accepting_by_hand_asks_for_nothing(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    released.observe()
    released.accept()
    assert released.look() == []
    assert released.observe().verdict == DriftVerdict.UNCHANGED
    assert released.look() == []
    observations = released.instance.fetch_observations(dg.AssetRecordsFilter(released.model.key), limit=10).records
    versions = [
        record.asset_observation.tags["dagster/data_version"] for record in observations if record.asset_observation
    ]
    assert versions[0] == versions[1] != versions[2], "the data version is what was accepted last"


def test_accepting_after_the_evaluation_asks_for_no_second(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    released.observe()
    released.carry_out(released.look()[0])
    released.accept()
    assert released.look() == []
    result = released.run("glossary_candidate", partition_key=released.key)
    assert metadata(result)["evaluation"]["done"].startswith("nothing")


def test_each_corpus_that_uses_a_model_is_evaluated_also_after_another_accepted_it(released: Drifting) -> None:
    """Another corpus promotes the change before this one's sensor looks."""
    released.server.model = noisy(2.0)
    released.observe()
    upstream = released.model.upstream(released.lake)
    upstream.accept(released.model.settings.tiers, "a run", "evaluated on another", judged=("another", 1))
    asked = released.look()
    assert keys(asked) == [f"embed/1/{released.key}"]
    result = released.carry_out(asked[0])
    assert result.success, failures(result)
    shown = metadata(result)["evaluation_report"]
    assert "when accepted | now" in shown["since the model was accepted"], "compared with what was measured here before"
    assert released.look() == []


def test_a_model_that_cannot_be_found_now_is_asked_for_later(
    released: Drifting, monkeypatch: pytest.MonkeyPatch
) -> None:
    released.server.model = noisy(2.0)
    released.observe()
    corpus = type(released.corpus)
    usable = released.corpus.usable_models()
    place = next(i for i, model in enumerate(released.corpus.configured) if model.name == HOSTED)
    lacking = {key: model for key, model in usable.by_key.items() if key != released.key}
    with monkeypatch.context() as patched:
        problem = ModelError("its folder is being copied")
        patched.setattr(corpus, "usable_models", lambda self, tell=None: UsableModels(lacking, {place: problem}))
        result = released.tick(released.cursor)
        released.cursor = result.cursor
        assert "its folder is being copied" in str(result.skip_reason)
    assert keys(released.look()) == [f"embed/1/{released.key}"]


def test_a_model_that_is_not_in_force_is_accepted_by_its_evaluation(released: Drifting) -> None:
    sources = [*map(released.corpus.key, ("embeddings", "vector_index", "evaluation", "evaluation_report"))]
    assert released.run("glossary_candidate", partition_key=released.base, asset_selection=sources).success
    assert promote(released.corpus, released.instance, released.lake.uri, released.base).success
    released.server.model = noisy(0.3)
    released.observe()
    result = released.carry_out(released.look()[0])
    assert result.success, failures(result)
    assert released.model.upstream(released.lake).state().episode is None


def test_what_is_blocked_is_not_embedded_either(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    released.observe()
    (released.corpus.folder / "documents" / "new.md").write_text("# New\n\nThis page is about a new word.\n", "utf-8")
    result = released.run(
        "glossary_life",
        partition_key=released.key,
        asset_selection=[*map(released.corpus.key, (*SOURCE_STAGES, "embeddings"))],
    )
    assert "would not fit those that are there: upstream/embed has changed" in failure(result)


def test_a_model_of_a_new_epoch_is_embedded_though_the_change_is_open_and_accepted_by_its_release(
    released: Drifting,
) -> None:
    old = released.key
    released.server.model = noisy(0.3)
    released.observe()
    raised = [*released.corpus.settings.embeddings.models]
    raised[1] = released.model.settings.model.model_copy(update={"epoch": 2})
    section = released.corpus.settings.embeddings.model_copy(update={"models": raised})
    settings = released.corpus.settings.model_copy(update={"embeddings": section})
    released.model = replace(released.model, settings=released.model.settings.model_copy(update={"model": raised[1]}))
    released.corpus = replace(released.corpus, settings=settings, upstreams={HOSTED: released.model})
    released.observe()
    register_keys(released.corpus, released.instance, released.lake)
    assert released.key != old
    sources = [released.corpus.key("embeddings")]
    result = released.run("glossary_candidate", partition_key=released.key, asset_selection=sources)
    assert metadata(result)["embeddings"]["embedded"] == 60
    assert released.run("glossary_candidate", partition_key=released.key).success
    upstream = released.model.upstream(released.lake)
    assert upstream.state().episode == 1
    released.server.down = failing(500)
    assert not promote(released.corpus, released.instance, released.lake.uri, released.key).success, (
        "it is not accepted"
    )
    in_force = Releases(released.lake, "glossary").in_force()
    assert in_force is not None
    assert in_force.manifest.model_key == released.key
    released.server.down = None
    assert promote(released.corpus, released.instance, released.lake.uri, released.key).success
    assert (upstream.state().episode, upstream.state().accepted) == (None, 1)
    assert upstream.state().fingerprints == {in_force.manifest.fingerprint}


def test_questions_are_asked_anew_of_a_model_that_behaves_otherwise(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    released.observe()
    result = released.carry_out(released.look()[0])
    assert metadata(result)["evaluation"]["questions_embedded"] == 60
    released.server.model = semantic
    released.observe()
    result = released.run("glossary_candidate", partition_key=released.key)
    assert metadata(result)["evaluation"]["questions_embedded"] == 60


def test_a_change_alerts_once(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    first = released.run("upstream_embed_observe")
    assert not first.success
    assert "`llmops models accept embed`" in failure(first)
    again = released.run("upstream_embed_observe")
    assert again.success
    for result in (first, again):
        assert checks(result) == {"embed:as_accepted": False, "embed:measured": True}
        run = released.instance.get_run_by_id(result.run_id)
        assert run is not None
        assert run.tags[VERDICT_TAG] == "behaviour_changed"


def test_what_cannot_be_measured_while_a_change_is_open_is_not_as_accepted(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    released.observe()
    released.server.down = failing(500)
    result = released.run("upstream_embed_observe")
    assert result.success, "who is told of failed runs was told"
    assert checks(result) == {"embed:as_accepted": False, "embed:measured": False}


def test_a_model_whose_history_cannot_be_read_does_not_keep_others_from_being_asked_for(released: Drifting) -> None:
    broken = replace(released.model, settings=released.model.settings.model_copy(update={"name": "broken"}))
    AppendOnly(released.lake, "upstream.broken.observations", BLOCKS).insert(
        {"block_id": "b1", "fingerprint": "", "upstream": "", "sequence": 1, "blocked": False, "reason": ""}
        | {"at": datetime.datetime.now(datetime.UTC)}
    )
    released.corpus = replace(released.corpus, upstreams={"another": broken, HOSTED: released.model})
    released.server.model = noisy(2.0)
    released.observe()
    assert keys(released.look()) == [f"embed/1/{released.key}"]
    assert "broken: table upstream.broken.observations" in str(released.tick(released.cursor).skip_reason)


def test_an_endpoint_that_fails_is_unmeasured_and_asks_for_nothing(released: Drifting) -> None:
    released.server.down = failing(500)
    result = released.run("upstream_embed_observe")
    assert result.success
    assert checks(result) == {"embed:as_accepted": True, "embed:measured": False}
    assert released.look() == []


def test_the_page_shows_the_history_and_what_was_run(released: Drifting) -> None:
    released.server.model = noisy(2.0)
    released.observe()
    released.carry_out(released.look()[0])
    result = released.run("upstream_embed_observe")
    (event,) = result.filter_events(lambda event: event.is_asset_observation)
    shown = {name: value.value for name, value in event.asset_observation_data.asset_observation.metadata.items()}
    assert shown["state"] == "changed: documents, queries (change 1)"
    assert "behaviour_changed" in shown["history"]
    assert f"| 1 | glossary_reevaluation | {released.key} | SUCCESS |" in shown["run because of it"]
    assert "data:image/png;base64," in shown["plot"]
    assert shown["effect: queries"] > 0.02
    assert "search is blocked" in shown


def changes(released: Drifting, count: int) -> None:
    for _ in range(count):
        released.server.model = noisy(2.0)
        released.observe()
        released.server.model = semantic
        released.observe()


def test_a_cool_down_and_a_daily_ceiling_put_off_and_forget_nothing(
    tmp_path: Path, http_server: HTTPServer, instance: dg.DagsterInstance, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"cool_down_hours": 2, "daily": 2}
    drifting = Drifting(tmp_path, http_server, instance, lake, reevaluation=limits)
    register_keys(drifting.corpus, instance, lake)
    drifting.accept()
    drifting.look()
    changes(drifting, 3)
    clock = Clock(monkeypatch)
    assert [key[:8] for key in keys(drifting.look())] == ["embed/1/"]
    assert drifting.look() == []
    clock.forward(hours=3)
    assert [key[:8] for key in keys(drifting.look())] == ["embed/2/"]
    clock.forward(hours=3)
    assert "daily allows" in str(drifting.tick(drifting.cursor).skip_reason)
    clock.forward(hours=19)
    assert [key[:8] for key in keys(drifting.look())] == ["embed/3/"]
    clock.forward(hours=-100)
    changes(drifting, 1)
    assert [key[:8] for key in keys(drifting.look())] == ["embed/4/"], "a clock that is set back holds nothing up"


class Clock:
    """What the sensor takes for the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime.datetime.now(datetime.UTC)
        clock = self

        class Now(datetime.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> "datetime.datetime":
                return clock.now

        monkeypatch.setattr(
            reevaluation,
            "datetime",
            type("D", (), {"datetime": Now, "timedelta": datetime.timedelta, "UTC": datetime.UTC}),
        )

    def forward(self, hours: float) -> None:
        self.now += datetime.timedelta(hours=hours)


def test_a_model_that_is_gone_has_its_successor_evaluated_and_not_released(
    released: Drifting, monkeypatch: pytest.MonkeyPatch
) -> None:
    successor = replace(
        released.model,
        settings=released.model.settings.model_copy(
            update={
                "name": "next",
                "model": released.model.settings.model.model_copy(update={"name": "later", "epoch": 2}),
            }
        ),
    )
    released.model = replace(
        released.model, settings=released.model.settings.model_copy(update={"successors": ["next"]})
    )
    models = [*released.corpus.settings.embeddings.models, successor.settings.model]
    section = released.corpus.settings.embeddings.model_copy(update={"models": models})
    released.corpus = replace(
        released.corpus,
        settings=released.corpus.settings.model_copy(update={"embeddings": section}),
        upstreams={HOSTED: released.model, "later": successor},
    )
    released.server.down = failing(404)
    assert released.observe().gone
    result = released.tick(released.cursor)
    (request,) = result.run_requests or []
    assert str(request.partition_key).startswith("later-")
    assert [key.path[-1] for key in request.asset_selection or []] == [
        "embeddings",
        "vector_index",
        "evaluation",
        "evaluation_report",
    ]
    (added,) = result.dynamic_partitions_requests or []
    assert added.partition_keys == [request.partition_key]
    register_keys(released.corpus, released.instance, released.lake)
    released.server.down = None
    done = released.carry_out(request)
    assert done.success, failures(done)
    assert metadata(done)["evaluation_report"]["compared with"] == released.key, (
        "by the questions' vectors that are kept"
    )


def test_a_corpus_names_a_hosted_model_that_has_a_key_of_its_own(released: Drifting) -> None:
    model = released.corpus.model(released.key, released.lake)
    assert isinstance(model, HostedModel)
    assert released.base != released.key
