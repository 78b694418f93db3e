"""Which messages of the stream are in the files already: a hidden file beside them, changed in the same commit.

A stream that was deleted and made again counts from one, so the file says which stream it means.
"""
from __future__ import annotations

import bisect
import contextlib
import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from presence_receiver.storage import FILE_MODE, Journal, sync_folder

NAME, PREPARED = ".collect.position", ".collect.prepared"


@dataclasses.dataclass(frozen=True)
class Position:
    """The sequences that are in the files, as ranges that do not touch, in order."""

    stream: str
    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, sequence: int) -> bool:
        at = bisect.bisect_right(self.ranges, sequence, key=lambda each: each[0]) - 1
        return at >= 0 and sequence <= self.ranges[at][1]

    def with_(self, sequences: Iterable[int]) -> Position:
        """The same with these besides."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self.ranges, *((each, each) for each in sequences)]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return Position(self.stream, tuple(merged))

    @classmethod
    def read(cls, where: Path, stream: str) -> Position:
        """What the data folder holds of that stream; whoever calls holds the writer's lock or is alone."""
        with contextlib.suppress(FileNotFoundError):
            found = json.loads((where / NAME).read_text("utf-8"))
            if found["stream"] == stream:
                return cls(stream, tuple((first, last) for first, last in found["ranges"]))
        return cls(stream)

    @contextlib.contextmanager
    def replacing(self, journal: Journal, grown: Sequence[str]) -> Iterator[None]:
        """Around the append of what it says: both are one commit."""
        where = journal.path.parent
        self._prepare(where / PREPARED)
        with journal.exchanging(grown, where / PREPARED, where / NAME):
            yield
        sync_folder(where)

    def _prepare(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({"stream": self.stream, "ranges": self.ranges}, file)
            file.flush()
            os.fsync(descriptor)
