"""The errors of the lake. Each message says what was being done, where, and what to do next."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

FULL = (errno.ENOSPC, errno.EDQUOT)


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
        if is_full(error):
            raise LakeError(
                f"cannot {action} in the lake {uri}: the disk is full, or your share of it. What was published before is "
                "untouched. Make room there (LLMOPS_LAKE names another lake), then run again: committed batches are not "
                "done twice."
            ) from error
        raise LakeError(
            f"cannot {action} in the lake {uri}: {error}. "
            "What was published before is untouched. Check that the folder exists, is writable and has free space "
            "(LLMOPS_LAKE names another lake), then run again: committed batches are not done twice."
        ) from error


def is_full(error: Exception) -> bool:
    """Whether `error` says that there is no space left. What the store raises has the number in its text alone."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    return any(re.search(rf"\bos error {number}\b", str(error)) for number in FULL)
