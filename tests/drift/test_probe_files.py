"""The probes that ship, and mistakes in those of one's own: each is named with what would be right."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_pipelines.drift.grading import right_content, right_form
from llmops_pipelines.drift.probe_files import SHIPPED, load_probes
from llmops_pipelines.drift.probes import EmbedderProbes, LLMProbes, ProbeError

LLM: dict[str, Any] = {
    "asks": "llm",
    "name": "mine",
    "version": 1,
    "floors": {name: 0.1 for name in ("tokens", "content", "format", "text", "length", "refusal")},
    "max_tokens": {"tokens": 4, "graded": 40, "texts": 100},
    "tokens": {"repeats": 5, "prompts": ["Name a colour."]},
    "graded": [{"category": "sums", "content": "integer", "prompt": "{q}?", "items": [{"q": "1 + 1", "answer": "2"}]}],
    "texts": ["Tell me of cats.", "Tell me of dogs."],
}


def load(folder: Path, content: dict[str, Any]) -> Any:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    return load_probes(path)


def group(**changes: Any) -> dict[str, Any]:
    return {**LLM, "graded": [{**LLM["graded"][0], **changes}]}


def test_the_embedders_probes_are_sixty_texts_and_twenty_queries() -> None:
    probes = load_probes(SHIPPED / "embedder.yaml")
    assert isinstance(probes, EmbedderProbes)
    assert {kind: len(texts) for kind, texts in probes.texts.items()} == {
        "short": 12,
        "long": 12,
        "code": 12,
        "languages": 12,
        "numbers": 10,
        "empty": 2,
    }
    assert len(probes.queries) == 20


def test_the_llms_probes_are_balanced_and_their_own_answers_are_right() -> None:
    probes = load_probes(SHIPPED / "llm.yaml")
    assert isinstance(probes, LLMProbes)
    categories = Counter(item.category for item in probes.items)
    assert set(categories) == {"arithmetic", "extraction", "format", "refusal", "citation"}
    assert min(categories.values()) >= 40
    assert len(probes.items) >= 200
    for content, share in (("yes_no", 0.5), ("refusal", 0.5), ("choice", 0.25)):
        answers = Counter(item.answer for item in probes.items if item.content == content)
        assert max(answers.values()) / answers.total() <= share + 0.03, content
    for item in probes.items:
        if item.content in ("integer", "yes_no", "choice", "phrase"):
            assert right_content(item, item.answer) is True, item.id
            assert right_form(item, item.answer) is True, item.id


def test_any_edit_is_another_identity(tmp_path: Path) -> None:
    assert load(tmp_path, LLM).identity != load(tmp_path, {**LLM, "texts": ["Tell me of cats.", "Of dogs."]}).identity


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {**LLM, "max_tokens": {"tokens": 4, "graded": 40}},
            "how long answers may be of each of tokens, graded, texts",
        ),
        ({**LLM, "floors": {"tokens": 0.1}}, "the least effect of each of"),
        ({**LLM, "texts": ["Tell me of cats.", "Tell me of cats."]}, "is there twice"),
        ({**LLM, "calls": 3}, "greater than or equal to 5"),
        (group(content="guess"), "there is no content 'guess'"),
        (group(format="("), "is no regular expression"),
        (group(prompt="{other}"), "the prompt of item sums-001 cannot be made"),
        (group(prompt="{q.x}"), "the prompt of item sums-001 cannot be made"),
        (group(items=[{"q": "1"}]), "item sums-001 has no answer"),
        (group(items=[{"q": "1", "answer": True}]), "put yes, no and numbers in quotes"),
        (group(items=[{"q": "1", "answer": 2}]), "put yes, no and numbers in quotes"),
        (group(content="phrase", items=[{"q": "1", "answer": "a", "others": 5}]), "is a string"),
        ({**LLM, "asks": "oracle"}, "asks"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, content: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeError, match=r"mine\.yaml") as raised:
        load(tmp_path, content)
    assert said in str(raised.value)


def test_a_file_that_is_not_there_or_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="there is no probe file"):
        load_probes(tmp_path / "nothing.yaml")
    (tmp_path / "broken.yaml").write_text("a: [", "utf-8")
    with pytest.raises(ProbeError, match="is no YAML"):
        load_probes(tmp_path / "broken.yaml")


def test_a_folder_is_no_probe_file(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="cannot be read"):
        load_probes(tmp_path)
