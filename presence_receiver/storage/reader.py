"""The files of a data folder as they are at one moment: the active one and the closed, compressed or not.

For readers beside a receiver: what is closed or compressed meanwhile is neither missed nor read twice.
"""
from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from presence_receiver.errors import NotRead
from presence_receiver.storage import durable, rotation
from presence_receiver.storage.rewriting import UNREADABLE, unpacked, why_unreadable


def stored_lines(folder: Path, stem: str) -> Iterator[bytes]:
    """Yield every whole line of the files of that stem, oldest first.

    OSError where the folder cannot be listed; NotRead, behind the last line, where files are not read to their end.
    """
    faults = list[str]()
    with files_at_one_moment(folder, stem, faults) as (active, closed):
        for path in closed:
            with _told(path, faults), open_closed(path) as raw:
                yield from _whole(unpacked(raw))
        with _told(folder / f"{stem}.jsonl", faults):
            yield from _whole(active or ())
    if faults:
        raise NotRead(*faults)


@contextmanager
def files_at_one_moment(folder: Path, stem: str, faults: list[str]) -> Iterator[tuple[IO[bytes] | None, list[Path]]]:
    """Yield the active file, open, and the closed ones; looks again where it was closed while these were listed.

    What is open stays what it was, also where it is closed later; a closed one may be compressed at any time, see
    `open_closed`. Where the active one cannot be opened, `faults` gets a sentence.
    """
    growing = folder / f"{stem}.jsonl"
    with ExitStack() as stack:
        while True:
            active = None
            with _told(growing, faults):
                active = stack.enter_context(open(growing, "rb", opener=durable.open_plain))
            closed = closed_files(folder, stem)
            if active is None or _is_at(growing, active):
                break
        if durable.strange(growing):
            faults.append(f"{growing} is no plain file and is not read.")
        yield active, closed


def _is_at(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


@contextmanager
def _told(path: Path, faults: list[str]) -> Iterator[None]:
    """Go on where the file cannot be read, and tell it; one that is not there was surplus, or is not there yet."""
    try:
        with suppress(FileNotFoundError):
            yield
    except UNREADABLE as failure:
        faults.append(f"{path} cannot be read to its end: {why_unreadable(failure)}.")


def _whole(lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line.endswith(b"\n"))


def open_closed(path: Path) -> IO[bytes]:
    """Open a closed file, also where it has been compressed since it was listed: its `name` tells."""
    if path.suffix != ".gz":
        with suppress(FileNotFoundError):
            return open(path, "rb", opener=durable.open_plain)
        path = path.with_name(f"{path.name}.gz")
    return open(path, "rb", opener=durable.open_plain)


def closed_files(folder: Path, stem: str) -> list[Path]:
    """Return the closed files of that stem, oldest first; of a file and its compressed copy only the file."""
    names = {name for name in durable.plain_names(folder) if rotation.closed_at(stem, name)}
    copies = {f"{name}.gz" for name in names}
    return [folder / name for name in sorted(names - copies)]


def stored_files(folder: Path, stem: str) -> list[Path]:
    """Return all files of that stem that there are, oldest first, the active one last."""
    active = folder / f"{stem}.jsonl"
    return [*closed_files(folder, stem), *([active] if active.name in durable.plain_names(folder) else [])]
