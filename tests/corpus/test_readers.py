"""From bytes to text, one reader a file type, and what each refuses."""

import json

import pytest

from llmops_pipelines.corpus.readers import (
    Extract,
    UnreadableError,
    decode,
    read_html,
    read_jsonl,
    read_markdown,
    read_restructuredtext,
    read_text,
)

PAGE = """<html><head><title>Pots and pans</title><style>p {color: red}</style></head><body>
<nav><a href="/">Home page</a> <a href="/shop">Shop</a></nav>
<article><h1>Copper pots</h1>
<p>Copper conducts heat better than steel, so that a copper pot follows the flame within seconds. Cooks who make
sauces and sugar work value this, because both are spoiled by a few degrees too many.</p>
<h2>Care</h2>
<p>A copper pot is lined with tin or steel, since acids dissolve copper. A lining of tin wears off in some years and is
renewed by a tinsmith; one of steel lasts as long as the pot does, and can be scrubbed.</p>
<table><tr><th>Metal</th><th>W/mK</th></tr><tr><td>Copper</td><td>401</td></tr></table></article>
<footer>Imprint and privacy</footer><script>track()</script></body></html>"""


def refusal(read, content: bytes) -> tuple[str, str]:
    with pytest.raises(UnreadableError) as caught:
        list(read(content))
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_the_encodings_that_announce_themselves(encoding: str):
    content = "naïve 漢字 👩‍🚀\n".encode(encoding)
    assert list(read_text(content)) == [Extract(content, "naïve 漢字 👩‍🚀\n", "text")]


def test_big_endian_utf_16_with_its_mark():
    assert decode(b"\xfe\xff\x00a\x00b") == "ab"


def test_binary_and_wrongly_encoded_bytes_are_refused_with_their_position():
    assert refusal(read_text, b"ab\x00c") == ("binary", "a NUL byte at 2")
    assert refusal(read_text, b"caf\xe9") == (
        "invalid encoding",
        "not utf-8 at byte 3; convert the file to UTF-8",
    )
    assert refusal(read_text, b"\xff\xfea")[0] == "invalid encoding"
    assert refusal(read_html, b"<p>\x00</p>") == ("binary", "a NUL byte at 3")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Bees\n\ntext", "Bees"),
        ("intro\n\n#  Bees and wasps ##\n", "Bees and wasps"),
        ("# Bees\r\n\r\ntext\r\n", "Bees"),
        ("## Second level\n\ntext", ""),
        ("#hashtag\n", ""),
        ("", ""),
    ],
)
def test_the_first_heading_of_level_one_is_the_title_of_markdown(text: str, title: str):
    assert list(read_markdown(text.encode())) == [Extract(text.encode(), text, "markdown", title)]


def test_underlines_of_restructuredtext_become_those_of_markdown():
    text = "Title\n*****\n\nintro\n\nPart\n~~~~\n\nbody\n\nPart 2\n~~~~~~\n\nDetail\n^^^^^^^\n"
    expected = "Title\n=====\n\nintro\n\nPart\n----\n\nbody\n\nPart 2\n------\n\nDetail\n-------\n"
    [extract] = read_restructuredtext(text.encode())
    assert (extract.text, extract.title, extract.kind) == (expected, "Title", "restructuredtext")


def test_what_only_looks_like_an_underline_stays():
    text = "no heading\n..\n\nlonger than its line\n====\n\n.....\n.....\n"
    [extract] = read_restructuredtext(text.encode())
    assert (extract.text, extract.title) == (text, "")


def test_html_is_its_main_text_as_markdown():
    [extract] = read_html(PAGE.encode())
    for kept in ("# Copper pots\n", "## Care\n", "follows the flame within seconds", "| Copper | 401 |"):
        assert kept in extract.text
    for left_out in ("Home page", "Imprint", "track()", "color: red"):
        assert left_out not in extract.text
    assert (extract.kind, extract.title, extract.content) == ("html", "Copper pots", PAGE.encode())


@pytest.mark.parametrize("content", [b"", b"<!-- only a comment -->", b"<html></html>"])
def test_html_without_text_is_an_empty_document(content: bytes):
    assert list(read_html(content)) == [Extract(content, "", "html")]


def test_json_lines_are_documents_by_id_or_line_number():
    lines = [
        '{"id": "q1", "title": "First", "text": "one"}',
        "",
        '{"text": "two"}',
        '{"id": 7, "text": ""}',
        '{"id": null, "title": null, "text": "four"}',
    ]
    assert list(read_jsonl("\n".join(lines).encode())) == [
        Extract(lines[0].encode(), "one", "record", "First", "q1"),
        Extract(lines[2].encode(), "two", "record", "", "3"),
        Extract(lines[3].encode(), "", "record", "", "7"),
        Extract(lines[4].encode(), "four", "record", "", "5"),
    ]


def test_only_a_newline_ends_a_json_line():
    texts = ["line\u2028separator", "next\u0085line", "paragraph\u2029separator"]
    content = "\r\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts)
    extracts = list(read_jsonl(content.encode()))
    assert [extract.text for extract in extracts] == texts
    assert not extracts[0].content.endswith(b"\r")


MALFORMED = "is not a JSON object with a text"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ('{"text": "fine"}\n{"text": ', f"line 2 {MALFORMED}"),
        ('{"title": "no text"}', f"line 1 {MALFORMED}"),
        ('["text"]', f"line 1 {MALFORMED}"),
        ('"text"', f"line 1 {MALFORMED}"),
        ("[" * 100_000, f"line 1 {MALFORMED}"),
        ('{"text": null}', "line 1: text is not a string, or id '1' occurs twice"),
        ('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', "line 2: text is not a string, or id 'a' occurs twice"),
    ],
)
def test_malformed_json_lines_are_refused_with_the_line(content: str, detail: str):
    assert refusal(read_jsonl, content.encode()) == ("malformed", detail)
