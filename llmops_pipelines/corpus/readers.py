"""From the bytes of a file to text: one reader a file type. What a reader cannot read it refuses with a reason."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Extract:
    """The text of one document of a file; `content` is what its version is the hash of."""

    content: bytes
    text: str
    kind: str
    title: str = ""
    fragment: str = ""


class UnreadableError(ValueError):
    """A file that cannot be read as its type says."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def decode(content: bytes) -> str:
    """UTF-8 (or UTF-16 with its byte order mark) as text. Raises UnreadableError for binary or wrongly encoded bytes."""
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16")
        if b"\x00" in content:
            raise UnreadableError("binary", f"a NUL byte at {content.index(0):,}")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            "invalid encoding", f"not {error.encoding} at byte {error.start:,}; convert the file to UTF-8"
        ) from None


def read_text(content: bytes) -> Iterator[Extract]:
    """Plain text, as it is."""
    yield Extract(content, decode(content), "text")


def read_markdown(content: bytes) -> Iterator[Extract]:
    """Markdown, as it is; the first heading of level one is the title."""
    text = decode(content)
    heading = re.search(r"^#[ \t]+(.+?)[ \t\r#]*$", text, re.MULTILINE)
    yield Extract(content, text, "markdown", heading.group(1) if heading else "")


def read_restructuredtext(content: bytes) -> Iterator[Extract]:
    """reStructuredText with its heading underlines rewritten as Markdown's, so that one chunker knows both."""
    lines = decode(content).split("\n")
    adornments: list[str] = []
    title = ""
    for number in range(1, len(lines)):
        line, above = lines[number].rstrip(), lines[number - 1].strip()
        is_underline = re.fullmatch(r"([=\-~^\"'`#*+.:_<>])\1{2,}", line) and above and len(line) >= len(above)
        if is_underline and not re.fullmatch(r"(\W)\1*", above):
            if line[0] not in adornments:
                adornments.append(line[0])
            title = title or above
            lines[number] = ("=" if line[0] == adornments[0] else "-") * len(line)
    yield Extract(content, "\n".join(lines), "restructuredtext", title)


def read_html(content: bytes) -> Iterator[Extract]:
    """The main text of a page as Markdown, by trafilatura."""
    import trafilatura

    if b"\x00" in content[:1024] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableError("binary", f"a NUL byte at {content.index(0):,}")
    text = trafilatura.extract(content, output_format="markdown", include_tables=True, include_comments=False) or ""
    tree = trafilatura.load_html(content)
    metadata = trafilatura.extract_metadata(tree) if tree is not None else None
    yield Extract(content, text, "html", (metadata.title if metadata else "") or "")


def read_jsonl(content: bytes) -> Iterator[Extract]:
    """One document a line: an object with `text`, and `id` and `title` where it has them; the line number else."""
    seen: set[str] = set()
    for number, line in enumerate(re.split("\r?\n", decode(content)), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            text = record["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UnreadableError("malformed", f"line {number} is not a JSON object with a text") from None
        fragment = str(number if record.get("id") is None else record["id"])
        if not isinstance(text, str) or fragment in seen:
            raise UnreadableError("malformed", f"line {number}: text is not a string, or id {fragment!r} occurs twice")
        seen.add(fragment)
        yield Extract(line.encode("utf-8", "surrogatepass"), text, "record", str(record.get("title") or ""), fragment)


READERS: dict[str, Callable[[bytes], Iterator[Extract]]] = {
    ".txt": read_text,
    ".text": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".rst": read_restructuredtext,
    ".html": read_html,
    ".htm": read_html,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
}
