"""The errors of the lake. Each message says what was being done, where, and what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager


class LakeError(RuntimeError):
    """The lake could not be read or written."""


@contextmanager
def explained(action: str, uri: str) -> Iterator[None]:
    """Turn what the store raises while `action` runs into a LakeError that names the lake."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, LakeError):
            raise
        raise LakeError(
            f"cannot {action} in the lake {uri}: {error}. "
            "What was published before is untouched. Check that the folder exists, is writable and has free space "
            "(LLMOPS_LAKE names another lake), then run again: committed batches are not done twice."
        ) from error
