"""What a folder needs beside its files: names that survive a power cut, and room."""
from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import sys
import time
from contextlib import suppress
from mmap import PAGESIZE
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER_MODE, FILE_MODE = 0o750, 0o640
"""Not for everybody: what is stored are personal data."""


def make_folder(folder: Path) -> None:
    """Make the folder, and those above it that are missing; return when their names survive a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        os.mkdir(folder, FOLDER_MODE)
    sync_folder(folder.parent)


def sync_content(descriptor: int) -> None:
    """Return when what is in the file, and its size, survives a power cut."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when what was created, renamed or removed in the folder survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_bytes(folder: Path | str) -> int:
    """Return what we may still write there; a filesystem that does not tell counts as endless. Raises OSError."""
    filesystem = os.statvfs(folder)
    return filesystem.f_bavail * filesystem.f_frsize if filesystem.f_blocks else sys.maxsize


def let_pages_go(descriptor: int, start: int, end: int) -> None:
    """Take synced pages out of the kernel's cache, but the last: nobody needs them soon, others the memory.

    Else the cache of an endless file pushes out what is in use, and every write pays for memory to grow into.
    """
    start, end = (offset // PAGESIZE * PAGESIZE for offset in (start, end))
    if hasattr(os, "posix_fadvise") and end > start:
        with suppress(OSError):
            os.posix_fadvise(descriptor, start, end - start, os.POSIX_FADV_DONTNEED)


def strange(path: Path | str) -> bool:
    """Return whether there is something of that name that is no plain file: a link, a FIFO, a folder."""
    try:
        return not stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def plain_names(folder: Path) -> set[str]:
    """Return the names of the plain files in the folder: through a link or a FIFO nobody of ours reads or writes."""
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}


def check_plain(path: Path | str) -> None:
    """Raise FileNotFoundError where there is something of that name that is no plain file."""
    if strange(path):
        raise FileNotFoundError(errno.ENOENT, "There is no plain file of that name", str(path))


def open_plain(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """Open a plain file, new ones for their owner and group; FileNotFoundError where a link or a FIFO is there."""
    check_plain(path)
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, FILE_MODE)


def open_new(path: Path | str) -> int:
    """Open an empty file for writing, for its owner and group, in the place of whatever has that hidden name."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        return open_plain(path, flags)
    except FileNotFoundError:
        if not strange(path):
            raise
    put_aside(path)
    return open_plain(path, flags)


def remove_file(path: Path | str) -> None:
    """Remove a file or a link, if it is there; leave a folder alone."""
    with suppress(IsADirectoryError, FileNotFoundError):
        os.unlink(path)


def put_aside(path: Path | str) -> None:
    """Rename what is not ours, that it be neither written through nor waited for."""
    aside = f"{path}.aside-{time.time_ns()}"
    os.rename(path, aside)
    sync_folder(Path(path).parent)
    log.warning("%s is no plain file; it is now %s.", os.path.basename(path), os.path.basename(aside))
