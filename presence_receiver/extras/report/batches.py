"""Opens the files of a report, some at a time, as plain ones: a copy of what is compressed or can be read once only.

What is open stays what it is, whoever renames, compresses or deletes it, and DuckDB is told no name in which it could
see more than a name.
"""
from __future__ import annotations

import dataclasses
import gzip
import os
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import IO, cast

from presence_receiver.errors import NotRead, Refused
from presence_receiver.storage import UNREADABLE, why_unreadable

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
    """Return the file, or a copy of what is compressed in it; raises as `copied` does.

    DuckDB could read gzip too, but looks at no checksum, and some versions take half a file for a whole one.
    """
    if _is_packed(name, file):
        return copied(cast(IO[bytes], gzip.GzipFile(fileobj=file)))
    return file


def copied(source: IO[bytes]) -> IO[bytes]:
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
    """Return where there is room for what does not fit into memory; Refused where DuckDB can use none."""
    with _room():
        folder = tempfile.gettempdir()
    try:
        folder.encode()
    except UnicodeEncodeError:
        raise Refused("The temporary folder's name is no UTF-8: set TMPDIR to another one.") from None
    return folder


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise Refused(f"The temporary folder cannot be used ({failure.strerror}): set TMPDIR to a folder with room."
                      ) from None
