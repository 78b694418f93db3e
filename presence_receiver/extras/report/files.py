"""Which files a report reads: those that are named, standard input, or a receiver's folder as it is at one moment.

What is read has a name to open and a name to show, and they are passed on as a mapping from the first to the second.
"""
from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TypeVar

from presence_receiver.errors import Refused
from presence_receiver.storage import closed_at, files_at_one_moment

STDIN = Path("-")
TRIES = 5
"""A closed file is compressed once, and deleted once: the next try finds it compressed, or not any more."""

Names = Mapping[str, str]
Found = TypeVar("Found")


def of_folder(folder: Path, stem: str, read: Callable[[Names], Found]) -> Found:
    """Return what `read` makes of a receiver's files of that stem; it raises FileNotFoundError where one is gone.

    The active one is opened here, so that its lines are read also where it is closed meanwhile; where a closed one is
    gone, all are read again. Refused where the folder cannot be listed.
    """
    for _ in range(TRIES):
        try:
            with _held(folder, stem) as names:
                return read(names)
        except FileNotFoundError as failure:
            gone = failure
    raise Refused(f"{gone.filename} is gone before it can be read: give the files to read as FILES.")


@contextmanager
def _held(folder: Path, stem: str) -> Iterator[Names]:
    active, faults = f"{folder / stem}.jsonl", list[str]()
    try:
        files = files_at_one_moment(folder, stem, faults)
        with files as (held, closed):
            names = {str(path): str(path) for path in closed}
            if held or faults:
                names[f"/dev/fd/{held.fileno()}" if held else active] = active
            yield names
    except PermissionError as failure:
        raise Refused(f"{folder} cannot be read ({failure.strerror}): run this as the receiver's user.") from None


@contextmanager
def named(paths: Sequence[Path]) -> Iterator[Names]:
    """Yield the names of those files; of what can be read once only, such as standard input, those of a copy.

    A file that is given twice is read once, and so is one whose compressed copy is given too.
    """
    with ExitStack() as stack:
        names = {}
        for path in paths:
            if path == STDIN:
                names[stack.enter_context(_copy(sys.stdin.buffer))] = "standard input"
            elif path.is_fifo():
                names[stack.enter_context(_copy(stack.enter_context(path.open("rb"))))] = str(path)
            else:
                names[str(path)] = str(path)
        yield _each_once(names)


@contextmanager
def _copy(stream: IO[bytes]) -> Iterator[str]:
    """Yield the name of a file that has all that the stream had."""
    start = stream.read(2)
    with tempfile.NamedTemporaryFile(suffix=".jsonl.gz" if start == b"\x1f\x8b" else ".jsonl") as copy:
        try:
            copy.write(start)
            shutil.copyfileobj(stream, copy)
            copy.flush()
        except OSError as failure:
            raise Refused(f"Standard input cannot be copied to {tempfile.gettempdir()} ({failure.strerror}): "
                          "set TMPDIR to a folder with room.") from None
        yield copy.name


def _each_once(names: Names) -> Names:
    files: dict[tuple[int, int], str] = {}
    for path in names:
        found = os.stat(path)
        files.setdefault((found.st_dev, found.st_ino), path)
    return {path: names[path] for path in files.values() if not _is_copy(path, names)}


def _is_copy(path: str, names: Names) -> bool:
    """Return whether it is what housekeeping is making at present, or left half made, of another of the files."""
    plain = path.removesuffix(".gz")
    return plain != path and plain in names and closed_at("presence", Path(plain).name) is not None
