"""Closes the lid on a closed file: gzip beside it, and only when that is safe, the plain file goes.

Interrupted at any point, there is the plain file and perhaps something hidden or a whole .gz: doing it again puts
all in order. Knows no settings and no locks.
"""
from __future__ import annotations

import errno
import gzip
import os
import shutil
from pathlib import Path

from presence_receiver.storage import durable

LEVEL = 6
PIECE = 256 * 1024
ROOM = 4
"""A file is not compressed unless this part of its size is free: deliveries need the last blocks more."""


def is_left_over(name: str) -> bool:
    """Return whether the file of this name is one that an interrupted compression left."""
    return name.startswith(".") and name.endswith(".jsonl.gz.tmp")


def compress(path: Path) -> None:
    """Replace the file by path.gz; a .gz that is there already is made anew. OSError leaves the plain file."""
    _check_room(path)
    packed = path.with_name(f"{path.name}.gz")
    temporary = path.with_name(f".{packed.name}.tmp")
    try:
        _pack(path, temporary)
        os.rename(temporary, packed)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    durable.sync_folder(path.parent)
    os.unlink(path)


def _check_room(path: Path) -> None:
    if durable.free_bytes(path.parent) < path.stat().st_size / ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _pack(path: Path, temporary: Path) -> None:
    """Write the compressed copy, synced, piece by piece; zlib lets other threads run meanwhile."""
    descriptor = durable.open_new(temporary)
    with open(durable.open_plain(path), "rb") as plain, open(descriptor, "wb") as raw:
        with gzip.GzipFile(path.name, "wb", LEVEL, raw, os.fstat(plain.fileno()).st_mtime) as packed:
            shutil.copyfileobj(plain, packed, PIECE)
        raw.flush()
        os.fsync(descriptor)
