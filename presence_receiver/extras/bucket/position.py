"""Which commits are in the files already: a hidden file beside them, changed in the same commit as the lines.

For each process of a receiver the ranges of its commits' numbers, and when it was last seen.
"""
from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from presence_receiver.errors import Refused
from presence_receiver.extras.bucket.names import Name
from presence_receiver.storage import Journal, open_new

FILE, PREPARED = ".bucket.position", ".bucket.prepared"

SEEN_SECONDS = 3_600
"""So often it is noted that a process's objects, which cannot be deleted say, are still listed."""

KEPT_SECONDS = 86_400 + SEEN_SECONDS
"""A process of which nothing was seen for so long is forgotten; a PUT is repeated for a minute at most."""


class Known(NamedTuple):
    """What is known of one process: when it was last seen, in Unix time, and its commits' numbers in the files.

    They are ranges, first and last, in order, that do not touch.
    """

    seen: float = 0
    commits: tuple[tuple[int, int], ...] = ()

    def has(self, number: int) -> bool:
        """Return whether the commit of that number is in the files."""
        return any(first <= number <= last for first, last in self.commits)

    def with_(self, number: int, now: float) -> Known:
        """Return this and the commit of that number."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self.commits, (number, number)]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return Known(now, tuple(merged))


@dataclasses.dataclass(frozen=True)
class Position:
    """The folder's random id, and what is in its files of each process's commits."""

    folder: str
    processes: Mapping[str, Known] = dataclasses.field(default_factory=dict)

    def __contains__(self, name: Name) -> bool:
        return self.processes.get(name.process, Known()).has(name.number)

    def with_(self, names: Iterable[Name], now: float) -> Position:
        """Return this and the commits of these names."""
        grown = dict(self.processes)
        for name in names:
            grown[name.process] = grown.get(name.process, Known()).with_(name.number, now)
        return Position(self.folder, grown)

    def after_listing(self, listed: Collection[str], now: float) -> Position:
        """Forget the processes that are old, none of these that all the bucket's objects are of."""
        return Position(self.folder, {
            process: known._replace(seen=now) if process in listed and now - known.seen > SEEN_SECONDS else known
            for process, known in self.processes.items() if process in listed or now - known.seen < KEPT_SECONDS})

    @classmethod
    def read(cls, where: Path) -> Position:
        """Return what the data folder holds, or a new one; whoever calls holds the writer's lock or is alone."""
        try:
            found = json.loads((where / FILE).read_text("utf-8"))
            return cls(str(found["folder"]), {
                process: Known(float(known["seen"]), tuple((int(first), int(last)) for first, last in known["commits"]))
                for process, known in found["processes"].items()})
        except FileNotFoundError:
            return cls(uuid.uuid4().hex)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise Refused(f"{where / FILE} is not as a collector wrote it, and only it tells which objects are in the "
                          "files: put it back from a copy, or delete it and start with --take-over; some may be there "
                          "twice then.") from None

    @contextlib.contextmanager
    def replacing(self, journal: Journal, grown: Sequence[str]) -> Iterator[None]:
        """Wrap the append of what it says: both are one commit."""
        where = journal.path.parent
        with open(open_new(where / PREPARED), "w", encoding="utf-8") as file:
            processes = {process: known._asdict() for process, known in self.processes.items()}
            json.dump({"folder": self.folder, "processes": processes}, file)
            file.flush()
            os.fsync(file.fileno())
        with journal.exchanging(grown, where / PREPARED, where / FILE):
            yield
