"""Which commits are in the files already: a hidden file beside them, changed in the same commit as the lines.

For each process of a receiver the ranges of its commits' numbers, and when it was last seen.
"""
from __future__ import annotations

import bisect
import contextlib
import dataclasses
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from presence_receiver.errors import Refused
from presence_receiver.extras.bucket.names import Name
from presence_receiver.storage import FILE_MODE, Journal, sync_folder

FILE, PREPARED = ".bucket.position", ".bucket.prepared"
SEEN_SECONDS = 3_600
"""So often it is noted that a process's objects, which cannot be deleted say, are still listed."""

KEPT_SECONDS = 86_400 + SEEN_SECONDS
"""A process of which nothing was seen for so long is forgotten; a PUT is repeated for a minute at most."""


@dataclasses.dataclass(frozen=True)
class Ranges:
    """Numbers as ranges that do not touch, in order."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, number: int) -> bool:
        at = bisect.bisect_right(self.ranges, number, key=lambda each: each[0]) - 1
        return at >= 0 and number <= self.ranges[at][1]

    def with_(self, numbers: Iterable[int]) -> Ranges:
        """These and the numbers."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self.ranges, *((each, each) for each in numbers)]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return Ranges(tuple(merged))


@dataclasses.dataclass(frozen=True)
class Position:
    """The folder's random id, and the commits that are in its files, by process; `seen` in Unix time."""

    folder: str
    commits: Mapping[str, Ranges] = dataclasses.field(default_factory=dict)
    seen: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __contains__(self, name: Name) -> bool:
        return name.number in self.commits.get(name.process, Ranges())

    def with_(self, names: Sequence[Name], now: float) -> Position:
        """This and the commits of these names."""
        commits = dict(self.commits)
        for process in {name.process for name in names}:
            numbers = (name.number for name in names if name.process == process)
            commits[process] = commits.get(process, Ranges()).with_(numbers)
        return Position(self.folder, commits, {**self.seen, **{name.process: now for name in names}})

    def after_listing(self, listed: Iterable[str], now: float) -> Position:
        """Forget the processes that are old, none of these that all the bucket's objects are of."""
        seen = {**self.seen, **{process: now for process in listed if now - self.seen.get(process, now) > SEEN_SECONDS}}
        kept = {process: at for process, at in seen.items() if now - at < KEPT_SECONDS}
        return Position(self.folder, {process: self.commits[process] for process in kept}, kept)

    @classmethod
    def read(cls, where: Path) -> Position:
        """What the data folder holds, or a new one; whoever calls holds the writer's lock or is alone."""
        try:
            found = json.loads((where / FILE).read_text("utf-8"))
            commits = {process: Ranges(tuple((first, last) for first, last in each["commits"]))
                       for process, each in found["processes"].items()}
            seen = {process: float(each["seen"]) for process, each in found["processes"].items()}
            return cls(str(found["folder"]), commits, seen)
        except FileNotFoundError:
            return cls(uuid.uuid4().hex)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused(f"{where / FILE} is not as a collector wrote it, and only it tells which objects are in the "
                          "files: put it back from a copy, or delete it and start with --take-over; some may be there "
                          "twice then.") from None

    @contextlib.contextmanager
    def replacing(self, journal: Journal, grown: Sequence[str]) -> Iterator[None]:
        """Around the append of what it says: both are one commit."""
        where = journal.path.parent
        self._prepare(where / PREPARED)
        with journal.exchanging(grown, where / PREPARED, where / FILE):
            yield
        sync_folder(where)

    def _prepare(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({"folder": self.folder, "processes": {
                process: {"seen": self.seen[process], "commits": each.ranges}
                for process, each in self.commits.items()
            }}, file)
            file.flush()
            os.fsync(descriptor)
