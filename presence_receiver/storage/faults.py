"""What the operating system's errors mean for stored lines."""
from __future__ import annotations

import errno

from presence_receiver.errors import StorageError

KINDS = {
    errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EFBIG: "full", errno.EROFS: "read-only",
    errno.EACCES: "permission", errno.EPERM: "permission",
}
REASONS = {
    "full": "is full", "read-only": "is read-only", "permission": "does not let us write",
    "input/output": "failed",
}


def kind_of(failure: OSError) -> str:
    """One of StorageError's kinds."""
    return KINDS.get(failure.errno or 0, "input/output")


def storage_error(failure: OSError) -> StorageError:
    """The same failure in our words."""
    kind = kind_of(failure)
    return StorageError(f"The storage at PRESENCE_DATA_DIR {REASONS[kind]}.", kind)
