"""The memory-mapped files in which each worker counts, so made that neither a cleaner nor a full disk ends a process.

prometheus_client maps a file whose pages are not there yet: on a full filesystem the first write is a SIGBUS. Here
they are allocated first, and where that fails the worker counts in memory. A folder that somebody deleted is made
anew, with what was counted.
"""
from __future__ import annotations

import glob
import logging
import mmap
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from prometheus_client import Metric, mmap_dict, multiprocess, values

SIZE = 1 << 16
IN_MEMORY = "The folder for metrics cannot be used: this worker counts in memory, and only its own /metrics shows that."

log = logging.getLogger(__name__)
_in_memory: dict[str, "Pages"] = {}


class Pages(mmap_dict.MmapedDict):
    """One worker's file; in memory where there can be none."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        try:
            os.close(_allocated(filename, SIZE))
            where = filename
        except OSError:
            where = f"/proc/self/fd/{os.memfd_create('presence-metrics')}"
            if not _in_memory:
                log.warning(IN_MEMORY)
            _in_memory[filename] = self
        mmap_dict.MmapedDict.__init__(self, where, read_mode)
        _all.append(self)

    @staticmethod
    def read_all_values_from_file(filename: str) -> list[Any]:
        """Return what was counted under that name, in a file or in memory; nothing of a file that is gone or broken."""
        pages: Any = _in_memory.get(filename)
        try:
            return [*(pages._read_all_values() if pages else mmap_dict.MmapedDict.read_all_values_from_file(filename))]
        except (OSError, RuntimeError, ValueError, struct.error):
            return []

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
    for module in values, multiprocess:
        setattr(module, "MmapedDict", Pages)


class Collector:
    """What all workers have counted in the folder, and this one in memory."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Add it up."""
        files = {*glob.glob(os.path.join(glob.escape(self._folder), "*.db")), *_in_memory}
        found: Iterable[Metric] = multiprocess.MultiProcessCollector.merge(sorted(files))
        return found


def restore() -> None:
    """Make anew what this process has lost."""
    for pages in _all:
        pages.restore()
