"""The source of files: what is selected, what becomes a document, and what is skipped with a reason."""

import os
import socket
import tracemalloc
from pathlib import Path

import fsspec
import pytest

from llmops_pipelines.corpus.document import Skipped, SourceDocument, SourceError, bytes_version
from llmops_pipelines.corpus.sources.directory import DirectorySource
from llmops_pipelines.corpus.sources.protocol import Source, Stated


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def ids(source: Source) -> list[str]:
    return [item.doc_id for item in source.documents()]


def skipped(source: Source) -> dict[str, tuple[str, str]]:
    return {item.doc_id: (item.reason, item.detail) for item in source.documents() if isinstance(item, Skipped)}


def test_a_file_of_every_type_becomes_documents_with_ids_relative_to_the_folder(tmp_path: Path):
    write(
        tmp_path,
        a_dot_md="# Alpha\n",
        deep__er__b_dot_markdown="no heading",
        c_dot_rst="Gamma\n=====\n",
        deep__d_dot_txt="delta",
        e_long_name_dot_text="epsilon",
        f_dot_html="<html><head><title>Zeta</title></head><body><p>Some words of a page.</p></body></html>",
        g_dot_HTM="<p>Other words of a page.</p>",
        h_dot_jsonl='{"id": "x", "title": "Eta", "text": "eta"}\n{"text": "two"}\n',
        i_dot_ndjson='{"text": "iota"}\n',
    )
    found = [item for item in DirectorySource(str(tmp_path)).documents() if isinstance(item, SourceDocument)]
    assert [(item.doc_id, item.title, item.kind, item.collection, item.parent) for item in found] == [
        ("a.md", "Alpha", "markdown", ".", "."),
        ("c.rst", "Gamma", "restructuredtext", ".", "."),
        ("deep/d.txt", "d", "text", "deep", "deep"),
        ("deep/er/b.markdown", "b", "markdown", "deep", "deep/er"),
        ("e_long_name.text", "e long name", "text", ".", "."),
        ("f.html", "Zeta", "html", ".", "."),
        ("g.HTM", "g", "html", ".", "."),
        ("h.jsonl#x", "Eta", "record", ".", "."),
        ("h.jsonl#2", "h", "record", ".", "."),
        ("i.ndjson#1", "i", "record", ".", "."),
    ]
    assert (found[2].text, found[2].version, found[2].bytes) == ("delta", bytes_version(b"delta"), 5)
    line = b'{"text": "two"}'
    assert (found[8].text, found[8].version, found[8].bytes) == ("two", bytes_version(line), len(line))


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["**"], [], ["a.md", "b.txt", "sub/c.md", "sub/deep/d.md"]),
        (["*.md"], [], ["a.md"]),
        (["**/*.md"], [], ["a.md", "sub/c.md", "sub/deep/d.md"]),
        (["sub/**"], ["**/d.*"], ["sub/c.md"]),
        (["*.txt", "sub/*"], [], ["b.txt", "sub/c.md"]),
        (["**"], ["**"], []),
        (["a.m"], [], []),
    ],
)
def test_globs_include_and_exclude(tmp_path: Path, include: list[str], exclude: list[str], expected: list[str]):
    write(tmp_path, a_dot_md="a", b_dot_txt="b", sub__c_dot_md="c", sub__deep__d_dot_md="d")
    assert ids(DirectorySource(str(tmp_path), include, exclude)) == expected


def test_hidden_files_and_folders_are_passed_over_but_not_a_hidden_root(tmp_path: Path):
    root = write(
        tmp_path / ".root", _dot_hidden_dot_md="x", _dot_git__a_dot_md="x", sub___dot_b_dot_md="x", c_dot_md="c"
    )
    assert ids(DirectorySource(str(root))) == ["c.md"]
    assert ids(DirectorySource(str(root), hidden=True)) == [".git/a.md", ".hidden.md", "c.md", "sub/.b.md"]


def test_a_page_named_by_dots_is_a_hidden_file(tmp_path: Path):
    (tmp_path / "..md").write_text("# .\n\n> Run a script in this shell.\n")
    (tmp_path / "a.md").write_text("# a\n")
    assert ids(DirectorySource(str(tmp_path))) == ["a.md"]
    assert ids(DirectorySource(str(tmp_path), hidden=True)) == ["..md", "a.md"]


def test_a_memory_file_system_is_read_as_a_folder_is():
    memory = fsspec.filesystem("memory")
    memory.pipe({"/shelf_of_books/a.md": b"# A\n", "/shelf_of_books/in/b.txt": b"b", "/shelf_of_books2/c.md": b"c"})
    source = DirectorySource("memory://shelf_of_books")
    assert ids(source) == ["a.md", "in/b.txt"]
    state = source.state()
    assert source.state() == state
    memory.pipe("/shelf_of_books/a.md", b"# B\n")
    assert source.state() != state


def test_what_cannot_be_read_is_skipped_with_a_reason_and_the_rest_is_read(tmp_path: Path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "binary.txt").write_bytes(b"a\x00b")
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    (tmp_path / "LICENSE").write_text("no suffix")
    (tmp_path / "dangling.md").symlink_to("nowhere.md")
    (tmp_path / "bad.jsonl").write_text('{"text": "x"}\n{"text"\n')
    (tmp_path / "twice.jsonl").write_text('{"id": 1, "text": "x"}\n{"id": 1, "text": "y"}\n')
    write(tmp_path, fine_dot_md="fine")
    known = ".htm, .html, .jsonl, .markdown, .md, .ndjson, .rst, .text, .txt"
    source = DirectorySource(str(tmp_path))
    found = skipped(source)
    assert found.pop("dangling.md")[0] == "unreadable"
    assert found == {
        "LICENSE": ("unknown file type", f"no suffix; files with {known} are read"),
        "bad.jsonl": ("malformed", "line 2 is not a JSON object with a text"),
        "binary.txt": ("binary", "a NUL byte at 1"),
        "latin.md": ("invalid encoding", "not utf-8 at byte 3; convert the file to UTF-8"),
        "picture.png": ("unknown file type", f".png suffix; files with {known} are read"),
        "twice.jsonl": ("malformed", "line 2: text is not a string, or id '1' occurs twice"),
    }
    assert [item.doc_id for item in source.documents() if isinstance(item, SourceDocument)] == ["fine.md"]


def test_a_file_that_goes_while_the_others_are_read_is_unreadable(tmp_path: Path):
    write(tmp_path, a_dot_md="a", b_dot_md="b")
    reading = DirectorySource(str(tmp_path)).documents()
    assert next(reading).doc_id == "a.md"
    (tmp_path / "b.md").unlink()
    [gone] = reading
    assert isinstance(gone, Skipped)
    assert (gone.doc_id, gone.reason) == ("b.md", "unreadable")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path):
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    try:
        found = skipped(DirectorySource(str(tmp_path)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == {"huge.txt": ("too large", "200,000,000 bytes, max_bytes is 20,000,000")}
    assert peak < 50_000_000


def test_max_bytes_is_the_largest_size_that_is_read(tmp_path: Path):
    write(tmp_path, five_dot_txt="12345", six_dot_txt="123456")
    assert skipped(DirectorySource(str(tmp_path), max_bytes=5)) == {"six.txt": ("too large", "6 bytes, max_bytes is 5")}


def test_names_and_texts_with_lone_surrogates_are_written_as_escapes(tmp_path: Path):
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("coffee")
    (tmp_path / "half.jsonl").write_text(
        r'{"id": "\ud83d", "title": "T \ud83d", "text": "half \ud83d, whole \ud83d\ude00"}'
    )
    found = [item for item in DirectorySource(str(tmp_path)).documents() if isinstance(item, SourceDocument)]
    assert [(item.doc_id, item.title, item.text) for item in found] == [
        ("caf\\udce9.md", "caf\\udce9", "coffee"),
        ("half.jsonl#\\ud83d", "T \\ud83d", "half \\ud83d, whole 😀"),
    ]


def test_a_folder_that_is_not_there_is_a_source_error(tmp_path: Path):
    write(tmp_path, file_dot_md="a file")
    for uri in (tmp_path / "absent", tmp_path / "file.md"):
        for ask in (lambda source: list(source.documents()), lambda source: source.state()):
            with pytest.raises(
                SourceError, match=f"^there is no folder {uri}: create it, or correct the source's uri$"
            ):
                ask(DirectorySource(str(uri)))
    with pytest.raises(SourceError, match=r"^cannot list nosuchprotocol://x: "):
        ids(DirectorySource("nosuchprotocol://x"))


def test_a_remote_folder_without_network_is_a_source_error_that_keeps_the_password():
    with socket.socket() as taken:  # bound, not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}/docs"
        source = DirectorySource(f"ftp://someone:secret@{address}", storage_options=(("acct", "hidden"),))
        for ask in (ids, DirectorySource.state):
            with pytest.raises(SourceError, match=r"storage_options, access rights and the network$") as raised:
                ask(source)
            assert str(raised.value).startswith(f"cannot list ftp://***@{address}: ")
            assert "secret" not in str(raised.value)


def test_a_storage_option_that_the_file_system_does_not_take_is_a_source_error():
    source = DirectorySource("ftp://someone:secret@127.0.0.1:9", storage_options=(("password", "hidden"),))
    with pytest.raises(SourceError, match=r"multiple values.*'password'.*storage_options") as raised:
        ids(source)
    assert "hidden" not in str(raised.value) and "secret" not in str(raised.value)


def test_an_empty_folder_has_no_documents_and_a_state(tmp_path: Path):
    source = DirectorySource(str(tmp_path))
    assert ids(source) == []
    assert source.state() == DirectorySource(str(tmp_path)).state()


def test_state_follows_the_selected_files_only(tmp_path: Path):
    write(tmp_path, a_dot_md="a", b_dot_txt="b")
    source = DirectorySource(str(tmp_path), ["*.md"])
    assert isinstance(source, Stated)
    states = [source.state()]
    (tmp_path / "b.txt").write_text("changed")
    assert source.state() == states[0]
    (tmp_path / "a.md").write_text("longer")
    states.append(source.state())
    (tmp_path / "c.md").write_text("c")
    states.append(source.state())
    (tmp_path / "c.md").rename(tmp_path / "d.md")
    states.append(source.state())
    assert len(set(states)) == 4


def test_an_edit_that_keeps_the_size_changes_the_state(tmp_path: Path):
    file = write(tmp_path, a_dot_md="one") / "a.md"
    source = DirectorySource(str(tmp_path))
    before, seen = source.state(), file.stat()
    file.write_text("two")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1_000_000_000))
    assert source.state() != before
