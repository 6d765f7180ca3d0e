"""Files beside the lake, on the same folder or object store: reports, whole and replaced as one."""

from pathlib import Path
from typing import TYPE_CHECKING

from llmops_pipelines.storage.errors import explained

if TYPE_CHECKING:
    import pyarrow.fs


def read_file(uri: str) -> bytes | None:
    """The content of the file at `uri`; None where there is none."""
    import pyarrow.fs

    with explained(f"read {uri}", uri):
        filesystem, path = resolve(uri)
        if filesystem.get_file_info(path).type != pyarrow.fs.FileType.File:
            return None
        with filesystem.open_input_file(path) as file:
            return file.read()


def write_file(uri: str, content: bytes) -> None:
    """Write `content` to `uri`; readers see the old file or the new one."""
    with explained(f"write {uri}", uri):
        filesystem, path = resolve(uri)
        filesystem.create_dir(path.rpartition("/")[0], recursive=True)
        with filesystem.open_output_stream(path + ".part") as file:
            file.write(content)
        filesystem.move(path + ".part", path)


def resolve(uri: str) -> tuple["pyarrow.fs.FileSystem", str]:
    """The file system of `uri`, a local path or an object store's, and the path in it."""
    import pyarrow.fs

    # LanceDB calls Azure `az`, Arrow calls it `abfs`.
    return pyarrow.fs.FileSystem.from_uri(
        uri.replace("az://", "abfs://", 1) if "://" in uri else str(Path(uri).absolute())
    )
