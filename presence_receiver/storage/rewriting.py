"""A closed file with other lines in its place, plain or compressed: all of the old file, or all of the new.

The caller holds housekeeping's lock. Interrupted at any point, there is the old file, and perhaps something hidden.
"""
from __future__ import annotations

import errno
import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from presence_receiver.storage import compression, durable

SUFFIX = ".rewritten"
UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a file raises that is not there, not ours or not whole gzip."""

Progress = Callable[[int, int], None]
"""Told how many bytes of the file have been read, and how many there are."""


def why_unreadable(failure: Exception) -> str:
    """Return in words what an exception in UNREADABLE says."""
    return (failure.strerror if isinstance(failure, OSError) else None) or "not whole gzip"


def is_left_over(name: str) -> bool:
    """Return whether the file of this name is one that an interrupted rewriting left."""
    return name.startswith(".") and name.endswith(SUFFIX)


def unpacked(raw: IO[bytes]) -> IO[bytes]:
    """Return what is in an open file, which is compressed where its name says so."""
    return cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if raw.name.endswith(".gz") else raw


def lines_in(path: Path, progress: Progress = lambda done, size: None) -> Iterator[bytes]:
    """Yield the file's lines; what is behind the last newline comes as one too. Raises what is in UNREADABLE."""
    with open(path, "rb", opener=durable.open_plain) as raw:
        size = os.fstat(raw.fileno()).st_size
        for line in unpacked(raw):
            yield line
            progress(raw.tell(), size)


def rewrite(path: Path, change: Callable[[bytes], bytes], progress: Progress = lambda done, size: None) -> None:
    """Put what `change` makes of each line in the file's place; a file of which nothing is left goes.

    Raises what is in UNREADABLE; then the file is as it was.
    """
    if durable.free_bytes(path.parent) < path.stat().st_size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    temporary = path.with_name(f".{path.name}{SUFFIX}")
    is_empty = True
    try:
        with _written(temporary, path) as sink:
            for line in lines_in(path, progress):
                if changed := change(line):
                    sink.write(changed)
                    is_empty = False
        os.unlink(path) if is_empty else os.rename(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    durable.sync_folder(path.parent)


@contextmanager
def _written(temporary: Path, path: Path) -> Iterator[IO[bytes]]:
    """Yield the file beside `path`, compressed as it is and with its owner and mode; synced when it is whole."""
    before = path.stat()
    descriptor = durable.open_new(temporary)
    with ExitStack() as stack:
        raw: IO[bytes] = stack.enter_context(open(descriptor, "wb"))
        if path.suffix == ".gz":
            with gzip.GzipFile(path.stem, "wb", compression.LEVEL, raw, before.st_mtime) as packed:
                yield cast(IO[bytes], packed)
        else:
            yield raw
        raw.flush()
        os.fchmod(descriptor, before.st_mode)
        with suppress(PermissionError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
        os.fsync(descriptor)
