"""From the bucket to the same files that a receiver without one writes, each object once.

Lines and the record of what has been collected are one commit (`position`); an object is deleted only after it, and
one that lands late or comes again is known by its name. Knows no command line.
"""
from __future__ import annotations

import dataclasses
import itertools
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

from presence_receiver.config import Settings
from presence_receiver.errors import CallFailed, StorageError
from presence_receiver.extras.bucket.claim import Claim, only_collector
from presence_receiver.extras.bucket.inbox import Inbox, Listed
from presence_receiver.extras.bucket.position import Position
from presence_receiver.extras.bucket.stopping import Stopping
from presence_receiver.extras.bucket.store import Bucket
from presence_receiver.log_limit import LimitedLog
from presence_receiver.storage import Housekeeping, TrustedClock, Writer

MOST_BYTES, MOST_OBJECTS = 8_000_000, 64
"""Of one commit, so that receivers that write the same files need not wait long for the lock."""

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds between two listings of a bucket in which nothing new is: each costs money."""


@dataclasses.dataclass
class Progress:
    """What one run has done; `waiting` is what was listed and no file has, of all that wait when that `is_all`."""

    objects: int = 0
    lines: int = 0
    rejected: int = 0
    known: int = 0
    aside: int = 0
    waiting: int = 0
    is_all: bool = False

    def __str__(self) -> str:
        more = "" if self.is_all else " or more"
        return (f"Collected {self.objects} objects: {self.lines} lines, {self.rejected} rejected; "
                f"{self.waiting}{more} objects wait, {self.known} came again, {self.aside} were set aside.")


class Collector:
    """One run over the settings' bucket into their folder; with `is_taking_over` whosever the bucket was."""

    def __init__(self, settings: Settings, show: Callable[[str], None], *, is_taking_over: bool = False) -> None:
        self._settings, self._folder, self._show = settings, settings.data_dir, show
        self._stopping = Stopping()
        bucket = Bucket(settings.bucket_url or "", retries=2)
        self._inbox = Inbox(bucket, self._stopping.is_set)
        self._claim = Claim(bucket, self._folder, is_taking_over=is_taking_over)
        self._writer = Writer(dataclasses.replace(settings, fsync=True))  # the bucket's copy goes
        self._log = LimitedLog(logging.getLogger(__name__))
        self._clock = TrustedClock()
        self.progress = Progress()

    def run(self, *, is_once: bool) -> None:
        """Collect until SIGTERM or SIGINT, or all that there is; Refused where the bucket is another folder's."""
        with only_collector(self._folder, waits=not is_once):
            self._stopping.listen()
            # It closes no old file: in a backlog all are old, and would be closed every few seconds.
            Housekeeping(dataclasses.replace(self._settings, rotate_seconds=sys.maxsize)).start()
            if is_once:
                self._round()
            else:
                self._rounds()

    @property
    def is_interrupted(self) -> bool:
        """Return whether it was SIGINT that ended the run."""
        return self._stopping.number == signal.SIGINT

    def _rounds(self) -> None:
        """Collect until it is stopped; what keeps it from that is logged, and tried again."""
        pause = SHORTEST_PAUSE
        while not self._stopping.is_set():
            before = self.progress.objects
            try:
                self._round()
            except (StorageError, CallFailed, OSError) as fault:
                self._log.warning(str(fault), "Nothing is collected now: %s", fault)
            pause = SHORTEST_PAUSE if self.progress.objects > before else min(2 * pause, LONGEST_PAUSE)
            self._stopping.wait(pause)

    def _round(self) -> None:
        """List all objects; collect the new ones and delete those that are in the files, by the position then."""
        self._writer.resolve()
        position = Position.read(self._folder)
        self._see_claim(position)
        before, processes = self.progress.objects, set[str]()
        self.progress.waiting, self.progress.is_all = 0, False
        for page in self._inbox.pages():
            processes.update(listed.name.process for listed in page)
            new = [listed for listed in page if listed.name not in position]
            self.progress.known += self._inbox.delete([each.name for each in page if each.name in position])
            self.progress.waiting += len(new)
            for commit in _commits(new):
                if self._stopping.is_set():
                    return
                position = self._collect(commit, position)
        self.progress.is_all = True
        self._show(str(self.progress))
        kept = position.after_listing(processes, self._clock.now())
        if kept != position:
            self._keep(kept)
        if self.progress.objects == before:
            self._writer.close_due()

    def _see_claim(self, position: Position) -> None:
        """See that the bucket is this folder's, or make it; the folder keeps its id first."""
        if not self._claim.is_held(position.folder):
            self._keep(position)
            self._claim.take(position.folder)

    def _keep(self, position: Position) -> None:
        """Put the position into the folder without any lines."""
        self._writer.exchange(b"", position.replacing)

    def _collect(self, commit: Sequence[Listed], position: Position) -> Position:
        """Put the objects' lines into the files, then delete them; the position after that."""
        if found := self._inbox.fetch(commit):
            accepted, rejected = (b"".join(lines) for lines in zip(*found.values(), strict=True))
            self._see_claim(position)
            position = position.with_(found, self._clock.now())
            self._writer.exchange(accepted, position.replacing, rejected)
            self.progress.objects += len(found)
            self.progress.lines += accepted.count(b"\n")
            self.progress.rejected += rejected.count(b"\n")
            self._inbox.delete(found)
        self.progress.waiting -= len(found) + self._inbox.aside_count - self.progress.aside
        self.progress.aside = self._inbox.aside_count
        self._show(str(self.progress))
        return position


def _commits(objects: Sequence[Listed]) -> Iterator[Sequence[Listed]]:
    """Yield the objects in groups that are one commit each."""
    rest = list(objects)
    while rest:
        sizes = itertools.accumulate(each.size for each in rest)
        count = max(1, sum(size <= MOST_BYTES for size in itertools.islice(sizes, MOST_OBJECTS)))
        yield rest[:count]
        rest = rest[count:]
