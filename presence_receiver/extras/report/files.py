"""Which files a report reads: those that are named, standard input, or a receiver's folder as it is at one moment."""
from __future__ import annotations

import dataclasses
import datetime
import functools
import os
import stat
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from presence_receiver.errors import Refused
from presence_receiver.extras.report.batches import Input, copied
from presence_receiver.mask import one_line
from presence_receiver.storage import closed_at, files_at_one_moment, open_closed

STDIN = "-"


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The files to read, how many are left out as too old, and a sentence for each that cannot be read."""

    files: Sequence[Input]
    too_old: int = 0
    faults: Sequence[str] = ()


@contextmanager
def of_folder(folder: Path, stem: str, since: datetime.datetime | None = None) -> Iterator[Inputs]:
    """Yield a receiver's files of that stem, without those closed before; Refused where the folder is closed to us."""
    faults = list[str]()
    with ExitStack() as stack:
        try:
            active, closed = stack.enter_context(files_at_one_moment(folder, stem, faults))
        except PermissionError as failure:
            raise Refused(f"{folder} cannot be read ({failure.strerror}): run this as the receiver's user.") from None
        read = [path for path in closed if not _is_older(path, stem, since)]
        files = [Input(one_line(str(path)), functools.partial(_open_closed, path)) for path in read]
        if active:
            files.append(Input(one_line(active.name), lambda: active))
        yield Inputs(files, len(closed) - len(read), faults)


def _is_older(path: Path, stem: str, moment: datetime.datetime | None) -> bool:
    closed = closed_at(stem, path.name)
    return bool(moment and closed and closed < moment)


def _open_closed(path: Path) -> IO[bytes] | None:
    """Open it, compressed meanwhile or not; one that has been deleted was surplus."""
    with suppress(FileNotFoundError):
        return open_closed(path)
    return None


def named(paths: Sequence[str]) -> Inputs:
    """Return those files; one that is given twice is read once, a receiver's without its compressed copy."""
    real = {os.path.realpath(path) for path in paths}
    inputs: dict[object, Input] = {}
    for path in paths:
        if path == STDIN:
            inputs.setdefault(_identity("/dev/stdin"), Input("standard input", lambda: copied(sys.stdin.buffer)))
        elif not _is_copy(os.path.realpath(path), real):
            inputs.setdefault(_identity(path), Input(one_line(path), functools.partial(_open, path)))
    return Inputs([*inputs.values()])


def _identity(path: str) -> object:
    """Return what all names of a file have in common; of what is gone, which `_open` will tell, the name."""
    with suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return path


def _is_copy(path: str, paths: Container[str]) -> bool:
    """Return whether it is what housekeeping is making at present, or left half made, of another of the files."""
    plain = path.removesuffix(".gz")
    return plain != path and plain in paths and _is_closed(plain)


def _is_closed(path: str) -> bool:
    return closed_at("presence", os.path.basename(path)) is not None


def _open(path: str) -> IO[bytes]:
    """Open a file, compressed meanwhile or not; a copy of what can be read once only, such as a FIFO."""
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        if not _is_closed(path):
            raise
        return open(f"{path}.gz", "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    with file:
        return copied(file)
