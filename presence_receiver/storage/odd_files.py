"""Files with more in them than whole lines: what a power cut, a broken disk or a person's editor left.

A file is odd where a line in its midst is not whole (a hole of zero bytes), or its first line tells no time. The
writer only renames it; from here, outside the writer's lock, its whole lines become the closed file that it would
have been, and the rest rejected lines. Done again after a crash, the same comes of it.
"""
from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from presence_receiver import lines
from presence_receiver.storage import durable, rotation

ODD = ".odd-"
"""What stands before an odd file's name."""

PIECE = 1 << 20
LONGEST_LINE = 64 << 20
REASON = "This is no whole line: left by a crash, a power cut or an editor."


def stem_of(name: str) -> str | None:
    """Return the stem of an odd file's name; None for any other name."""
    closed = name.removeprefix(ODD)
    found = [stem for stem in rotation.STEMS if rotation.closed_at(stem, closed) and closed.endswith(".jsonl")]
    return found[0] if found and name.startswith(ODD) else None


def odd_paths(folder: Path, stem: str) -> list[Path]:
    """Return the odd files of that stem that are not taken apart yet; their lines are in no other file."""
    return [folder / name for name in sorted(durable.plain_names(folder)) if stem_of(name) == stem]


def take_apart(path: Path) -> None:
    """Make the closed file of the whole lines in it, and one of rejected lines of the rest; then remove it."""
    name = path.name.removeprefix(ODD)
    stem = stem_of(path.name) or ""
    moment = rotation.closed_at(stem, name) or datetime.datetime.now(datetime.UTC)
    targets = [path.with_name(name), path.with_name(rotation.name_at("rejected", moment))]
    drafts = [target.with_name(f".{target.name}.apart") for target in targets]
    with ExitStack() as stack:
        source = stack.enter_context(open(durable.open_plain(path), "rb"))
        sinks = {draft: stack.enter_context(_draft(draft)) for draft in drafts}
        for line, is_whole in _lines(source):
            sinks[drafts[not is_whole]].write(line if is_whole else b"".join(_rejected(line, moment)))
        for sink in sinks.values():
            sink.flush()
            os.fsync(sink.fileno())
    for draft, target in dict(zip(drafts, targets, strict=True)).items():
        _put(draft, target)
    durable.sync_folder(path.parent)
    os.unlink(path)


def _draft(path: Path) -> IO[bytes]:
    return open(durable.open_new(path), "wb")


def _lines(source: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield what is between newlines and whether it is a whole line; longer than any of ours, in pieces."""
    is_beginning = True
    while line := source.readline(LONGEST_LINE):
        yield line, is_beginning and line.startswith(b"{") and line.endswith(b"}\n") and b"\0" not in line
        is_beginning = line.endswith(b"\n")


def _rejected(rest: bytes, moment: datetime.datetime) -> Iterator[bytes]:
    """Yield rejected lines of at most a piece each; zero bytes at its ends are no content."""
    for start in range(0, len(rest), PIECE):
        if piece := rest[start:start + PIECE].strip(b"\0\n"):
            yield lines.unreadable(piece, REASON, lines.stamp(moment))


def _put(draft: Path, target: Path) -> None:
    """Give a draft its name, unless it is empty; where that was done before a crash, it is the same file again."""
    if draft.stat().st_size:
        os.rename(draft, target)
    else:
        os.unlink(draft)
