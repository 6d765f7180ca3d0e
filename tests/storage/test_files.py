"""Files beside the lake: written whole, replaced as one, read back by path and by URI."""

from pathlib import Path

import pytest

from llmops_pipelines.storage import LakeError
from llmops_pipelines.storage.files import read_file, write_file


def test_a_file_is_written_read_and_replaced(tmp_path: Path) -> None:
    page = tmp_path / "reports" / "corpus" / "page one.html"
    assert read_file(str(page)) is None
    write_file(str(page), b"first")
    write_file(str(page), b"second")
    assert read_file(str(page)) == page.read_bytes() == b"second"
    assert [path.name for path in page.parent.iterdir()] == ["page one.html"]


def test_a_uri_names_the_same_file_as_its_path(tmp_path: Path) -> None:
    write_file((tmp_path / "a" / "b.txt").as_uri(), b"content")
    assert read_file(str(tmp_path / "a" / "b.txt")) == b"content"


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LakeError, match="file/below"):
        write_file(str(tmp_path / "file" / "below" / "page.html"), b"content")
