"""The source of package documentation, on tiny packages whose modules raise when they are executed."""

import os
import sys
from pathlib import Path

import pytest

from llmops_pipelines.corpus.document import SourceDocument, SourceError, bytes_version
from llmops_pipelines.corpus.sources.protocol import Source, Stated
from llmops_pipelines.corpus.sources.python_docs import PythonDocsSource

RAISES = 'raise RuntimeError("this module was executed")\n'
GARDEN = {
    "__init__.py": '"""Tools for a garden."""\n'
    + RAISES
    + "from gardentools._soil import Bed\nfrom gardentools.plants import grow\nfrom os import getcwd\n",
    "_soil.py": '"""Private module."""\n' + RAISES + "class Plot:\n"
    '    """A plot of land."""\n'
    "    def water(self):\n"
    '        """Water everything."""\n'
    "class Bed(Plot):\n"
    '    """A bed of soil."""\n'
    "    def dig(self):\n"
    '        """Dig it over."""\n'
    "    def rake(self):\n"
    "        pass\n"
    "    def _hidden(self):\n"
    '        """Nobody calls this."""\n',
    "plants.py": '"""Plants."""\n' + RAISES + '__all__ = ["grow", "LIMIT"]\n'
    "LIMIT = 3\n"
    '"""The most plants a bed holds."""\n'
    "def grow():\n"
    '    """Grow a plant, half of a pair: \\ud83d."""\n'
    "def helper():\n"
    '    """Not offered."""\n',
    "tests/__init__.py": '"""The test suite."""\n',
    "tests/test_soil.py": 'def test_soil():\n    """A test."""\n',
    "_vendor/lib.py": '"""Vendored."""\n',
}


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "gardentools"
    for name, code in GARDEN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def documents(*packages: str) -> dict[str, SourceDocument]:
    found = list(PythonDocsSource(packages).documents())
    assert all(isinstance(item, SourceDocument) for item in found)
    return {item.doc_id: item for item in found if isinstance(item, SourceDocument)}


def test_every_public_symbol_with_a_docstring_is_a_document_under_its_shortest_name(garden: Path):
    found = documents("gardentools")
    assert {doc_id: (item.kind, item.parent, item.aliases) for doc_id, item in found.items()} == {
        "gardentools": ("module", "gardentools", ()),
        "gardentools.Bed": ("class", "gardentools._soil", ()),
        "gardentools.Bed.dig": ("function", "gardentools._soil", ()),
        "gardentools.Bed.water": ("function", "gardentools._soil", ()),
        "gardentools.grow": ("function", "gardentools.plants", ("gardentools.plants.grow",)),
        "gardentools.plants": ("module", "gardentools.plants", ()),
        "gardentools.plants.LIMIT": ("attribute", "gardentools.plants", ()),
    }


def test_a_document_holds_name_and_docstring_and_their_hash(garden: Path):
    text = "gardentools.Bed.water\n\nWater everything."
    assert documents("gardentools")["gardentools.Bed.water"] == SourceDocument(
        doc_id="gardentools.Bed.water",
        version=bytes_version(text.encode()),
        title="gardentools.Bed.water",
        text=text,
        bytes=len(text),
        collection="gardentools",
        parent="gardentools._soil",
        kind="function",
    )


def test_a_lone_surrogate_in_a_docstring_is_written_as_its_escape(garden: Path):
    found = documents("gardentools")["gardentools.grow"]
    assert found.text == "gardentools.grow\n\nGrow a plant, half of a pair: \\ud83d."


def test_nothing_is_imported(garden: Path):
    documents("gardentools")
    documents("gardentools.plants")
    assert not [name for name in sys.modules if name.startswith("gardentools")]


def test_a_part_of_a_package_is_a_source_of_its_own(garden: Path):
    assert sorted(documents("gardentools.plants")) == [
        "gardentools.plants",
        "gardentools.plants.LIMIT",
        "gardentools.plants.grow",
    ]


def test_a_module_in_one_file_beside_a_package(garden: Path):
    (garden.parent / "onefile.py").write_text('"""One file."""\ndef run():\n    """Run it."""\n' + RAISES)
    found = documents("onefile", "gardentools")
    assert sorted(found)[-2:] == ["onefile", "onefile.run"]
    assert found["onefile.run"].collection == "onefile"
    assert found["gardentools"].collection == "gardentools"


@pytest.mark.parametrize("package", ["nosuchpackage", "nosuchpackage.part"])
def test_a_package_that_is_not_installed_is_named_with_what_to_do(package: str):
    for ask in (lambda source: list(source.documents()), lambda source: source.state()):
        with pytest.raises(SourceError) as caught:
            ask(PythonDocsSource((package,)))
        assert str(caught.value) == (
            f"package {package!r} is not installed in this environment: "
            "run `pip install nosuchpackage` or take it out of the source's packages"
        )


def test_a_package_that_cannot_be_parsed_is_a_source_error(garden: Path):
    (garden / "__init__.py").write_text("def (:\n")
    with pytest.raises(SourceError, match="package 'gardentools' cannot be read: Syntax error"):
        documents("gardentools")


def test_a_part_that_is_not_there_is_a_source_error(garden: Path):
    with pytest.raises(SourceError, match=r"package 'gardentools\.nosuchpart' cannot be read"):
        documents("gardentools.nosuchpart")


def test_state_changes_with_an_edit_a_new_file_and_a_removed_one(garden: Path):
    source = PythonDocsSource(("gardentools",))
    states = [source.state(), source.state()]
    assert states[0] == states[1]
    file = garden / "plants.py"
    before = file.stat()
    file.write_text(file.read_text().replace("Plants", "Shrubs"))  # of the same size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    states.append(source.state())
    (garden / "tools.pyi").write_text("")
    states.append(source.state())
    (garden / "_vendor" / "lib.py").unlink()
    states.append(source.state())
    assert len(set(states)) == 4
    (garden / "data.json").write_text("{}")
    assert source.state() == states[-1]


def test_it_is_a_source_with_a_state():
    source: Source = PythonDocsSource(())
    assert isinstance(source, Stated)
    assert list(source.documents()) == []
