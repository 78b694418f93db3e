"""The memory-mapped files in which each worker counts, so made that neither a cleaner nor a full disk ends a process.

prometheus_client maps a file whose pages are not there yet: on a full filesystem the first write is a SIGBUS. Here
they are allocated first, and where that fails the worker counts in memory. A folder that somebody deleted is made
anew, with what was counted.
"""
from __future__ import annotations

import mmap
import os
from contextlib import suppress

from prometheus_client import mmap_dict, values

SIZE = 1 << 16


class Pages(mmap_dict.MmapedDict):
    """One worker's file; in memory where there can be none."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        try:
            os.close(_allocated(filename, SIZE))
        except OSError:
            filename = f"/proc/self/fd/{os.memfd_create('presence-metrics')}"
        mmap_dict.MmapedDict.__init__(self, filename, read_mode)
        _all.append(self)

    def restore(self) -> None:
        """Make the file anew where it is gone, with what was counted."""
        if self._f is None or not self._fname.endswith(f"_{os.getpid()}.db") or os.path.exists(self._fname):
            return
        with suppress(OSError):
            descriptor = _allocated(self._fname, self._capacity)
            fresh = mmap.mmap(descriptor, self._capacity)
            fresh[:] = self._m[:]
            self._f.close()
            self._f, self._m = os.fdopen(descriptor, "r+b"), fresh


_all: list[Pages] = []


def _allocated(filename: str, size: int) -> int:
    """Open the file with its pages there; a new one gets its name then, since whoever adds up reads no empty file."""
    os.makedirs(os.path.dirname(filename), 0o700, exist_ok=True)
    draft = filename if os.path.exists(filename) else f"{filename}.draft"
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        os.rename(draft, filename)
    except OSError:
        os.close(descriptor)
        os.unlink(draft)
        raise
    return descriptor


def use() -> None:
    """Let prometheus_client count in these from now on."""
    setattr(values, "MmapedDict", Pages)


def restore() -> None:
    """Make anew what this process has lost."""
    for pages in _all:
        pages.restore()
