"""What the operating system's errors mean for stored lines."""
from __future__ import annotations

import errno

from presence_receiver.errors import StorageError

KINDS = {
    errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EFBIG: "full", errno.EROFS: "read-only",
    errno.EACCES: "permission", errno.EPERM: "permission", errno.ETIMEDOUT: "late",
}
REASONS = {
    "full": "is full", "read-only": "is read-only", "permission": "does not let us write",
    "input/output": "failed", "late": "could not be written in time: another process holds it, or its disk hangs",
}


def kind_of(failure: Exception) -> str:
    """Return one of StorageError's kinds; what is no error of the system's counts as a failure of the storage."""
    number = failure.errno if isinstance(failure, OSError) else None
    return KINDS.get(number or 0, "input/output")


def storage_error(failure: Exception) -> StorageError:
    """Return the same failure in our words."""
    kind = kind_of(failure)
    return StorageError(f"The storage at PRESENCE_DATA_DIR {REASONS[kind]}.", kind)
