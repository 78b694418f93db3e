"""Which files a report reads: those that are named, standard input, or a receiver's folder as it is at one moment.

Each comes as a plain file that is open, a copy where it is compressed or can be read once only: what is open stays what
it is, whoever renames, compresses or deletes it, and DuckDB is told no name in which it could see more than a name.
"""
from __future__ import annotations

import dataclasses
import datetime
import functools
import gzip
import os
import resource
import stat
import sys
import tempfile
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from presence_receiver.errors import NotRead, Refused
from presence_receiver.mask import one_line
from presence_receiver.storage import UNREADABLE, closed_at, files_at_one_moment, open_closed, why_unreadable

STDIN = "-"
MAGIC = b"\x1f\x8b"
"""What gzip begins with."""
MOST_FILES, MOST_BYTES = 100, 32 << 20
"""Of a batch; of compressed files, whose copies take some ten times as much of the temporary folder."""
TIMES_OPEN = 5
"""How many descriptors a file may take at once: itself, its copy, and what DuckDB opens, with some to spare."""
PIECE = 1 << 20


@dataclasses.dataclass(frozen=True)
class Input:
    """A file to read, by the name that is shown; `open` gives None where it is gone and nobody misses it."""

    name: str
    open: Callable[[], IO[bytes] | None]


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
    """Return those files; one that is given twice is read once, and so is one whose compressed copy is given too."""
    real = {os.path.realpath(path) for path in paths}
    inputs: dict[object, Input] = {}
    for path in paths:
        if path == STDIN:
            inputs.setdefault(_identity("/dev/stdin"), Input("standard input", lambda: _copy(sys.stdin.buffer)))
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
        return _copy(file)


def in_batches(files: Sequence[Input], faults: list[str]) -> Iterator[dict[str, str]]:
    """Yield the names to show by names to open, in order; they are there until the next are asked for.

    Of a file that cannot be read to its end, `faults` gets a sentence. Refused without room for copies.
    """
    left = iter(files)
    while True:
        with ExitStack() as stack, ThreadPoolExecutor(os.cpu_count()) as threads:
            opened = _some(left, stack, faults)
            if not opened:
                return
            names = {}
            for name, plain in [(name, threads.submit(_plain, name, file)) for name, file in opened]:
                with _told(name, faults):
                    file = stack.enter_context(plain.result())
                    names[f"/dev/fd/{file.fileno()}"] = name
            if names:
                yield names


def _some(left: Iterator[Input], stack: ExitStack, faults: list[str]) -> list[tuple[str, IO[bytes]]]:
    """Open the next files, as many as make a batch."""
    opened, size = list[tuple[str, IO[bytes]]](), 0
    most = min(MOST_FILES, max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // TIMES_OPEN))
    while len(opened) < most and size < MOST_BYTES and (each := next(left, None)):
        with _told(each.name, faults):
            if file := each.open():
                opened.append((each.name, stack.enter_context(file)))
                size += os.fstat(file.fileno()).st_size if _is_packed(each.name, file) else 0
    return opened


@contextmanager
def _told(name: str, faults: list[str]) -> Iterator[None]:
    try:
        yield
    except (*UNREADABLE, NotRead) as failure:
        why = str(failure) if isinstance(failure, NotRead) else why_unreadable(failure)
        faults.append(f"{name} is left out, for it cannot be read to its end: {why}.")


def _is_packed(name: str, file: IO[bytes]) -> bool:
    return name.lower().endswith(".gz") or os.pread(file.fileno(), len(MAGIC), 0) == MAGIC


def _plain(name: str, file: IO[bytes]) -> IO[bytes]:
    """Return the file, or a copy of what is compressed in it; raises as `_copy` does.

    DuckDB could read gzip too, but looks at no checksum, and some versions take half a file for a whole one.
    """
    if _is_packed(name, file):
        return _copy(cast(IO[bytes], gzip.GzipFile(fileobj=file)))
    return file


def _copy(source: IO[bytes]) -> IO[bytes]:
    """Return a temporary file with all that is in another; NotRead where that cannot be read, Refused without room."""
    with _room(), ExitStack() as stack:
        copy = stack.enter_context(tempfile.TemporaryFile())
        while piece := _read(source):
            copy.write(piece)
        copy.seek(0)  # writes what is left
        stack.pop_all()
    return copy


def _read(source: IO[bytes]) -> bytes:
    try:
        return source.read(PIECE)
    except UNREADABLE as failure:
        raise NotRead(why_unreadable(failure)) from None  # which is no lack of room


def temporary_folder() -> str:
    """Return where there is room for what does not fit into memory; Refused where there is none."""
    with _room():
        return tempfile.gettempdir()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise Refused(f"The temporary folder cannot be used ({failure.strerror}): set TMPDIR to a folder with room."
                      ) from None
