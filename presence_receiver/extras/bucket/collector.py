"""From the bucket to the same files that a receiver without one writes, each object once.

Lines and the record of what has been collected are one commit (`position`); an object is deleted only after it, and
one that lands late or comes again is known by its name. Knows no command line.
"""
from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from presence_receiver.config import Settings
from presence_receiver.errors import Refused, StorageError
from presence_receiver.extras.bucket.names import ASIDE, CLAIM, INBOX, Name, split
from presence_receiver.extras.bucket.position import Position
from presence_receiver.extras.bucket.store import Bucket, BucketFault, Entry, Missing
from presence_receiver.log_limit import LimitedLog
from presence_receiver.storage import FileLock, Housekeeping, TrustedClock, Writer

MOST_BYTES, MOST_OBJECTS = 8 * 1024 * 1024, 64
"""Of one commit, so that receivers that write the same files need not wait long for the lock."""

LARGEST = 1 << 30
"""Bytes; a larger object is no receiver's, and would not fit into memory."""

GETS = 16
CALL_SECONDS, LARGE, LARGE_SECONDS = 10.0, 4 * 1024 * 1024, 120.0
"""How long a call to the bucket may take; fetching a large object longer."""

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds between two listings of a bucket in which nothing new is: each costs money."""

STUCK_SECONDS = 600
"""So long after it failed deleting an object is tried again."""


@dataclasses.dataclass
class Progress:
    """What one run has done; `waiting` is what the last listing showed and no file has yet."""

    objects: int = 0
    lines: int = 0
    rejected: int = 0
    known: int = 0
    aside: int = 0
    waiting: int = 0


class Collector:
    """One run over one bucket into one folder."""

    def __init__(self, settings: Settings, url: str, show: Callable[[Progress], None]) -> None:
        self._settings, self._folder, self._show = settings, settings.data_dir, show
        self._bucket, self._writer = Bucket(url, retries=2), Writer(settings)
        self._gets = ThreadPoolExecutor(GETS)
        self._log = logging.getLogger(__name__)
        self._limited_log = LimitedLog(self._log)
        self._clock = TrustedClock()
        self._said: set[str] = set()
        self._stuck: dict[str, float] = {}
        self._position: Position | None = None
        self._stopping = threading.Event()
        self.progress = Progress()

    def run(self, *, is_once: bool, is_taking_over: bool) -> Progress:
        """Collect until SIGTERM or SIGINT, or all that there is; Refused where the bucket is another folder's."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        with self._alone(is_once), self._gets:
            Housekeeping(self._settings).start()
            pause = SHORTEST_PAUSE
            while not self._stopping.is_set():
                before = self.progress.objects
                error = self._attempt(is_taking_over)
                if is_once:
                    if error:
                        raise error
                    break
                is_taking_over = is_taking_over and bool(error)
                pause = SHORTEST_PAUSE if self.progress.objects > before else min(2 * pause, LONGEST_PAUSE)
                self._stopping.wait(pause)
        return self.progress

    @contextlib.contextmanager
    def _alone(self, is_once: bool) -> Iterator[None]:
        """Hold the folder's lock; whoever collects once does not wait for it."""
        lock = FileLock(self._folder / ".collect.lock")
        if not is_once:
            with lock.held():
                yield
            return
        with lock.held(waits=False) as is_ours:
            if not is_ours:
                raise Refused("Another collector works on PRESENCE_DATA_DIR: leave it to that one.")
            yield

    def _attempt(self, is_taking_over: bool) -> StorageError | None:
        """Collect all that is listed now; what kept it from that is logged."""
        try:
            self._writer.resolve()
            position = self._position or Position.read(self._folder)
            self._claim(position, is_taking_over)
            self._position = self._round(position)
        except BucketFault as fault:
            error = StorageError(str(fault), "bucket")
        except StorageError as fault:
            error = fault
        else:
            return None
        self._position = None
        self._limited_log.warning(str(error), "Nothing is collected now: %s", error)
        return error

    def _claim(self, position: Position, is_taking_over: bool) -> None:
        """See that the bucket is this folder's; it is when it was nobody's."""
        try:
            owner = json.loads(self._bucket.get(CLAIM, CALL_SECONDS))
            folder, where = str(owner["folder"]), str(owner["where"])
        except Missing:
            folder, where = "", ""
        except (ValueError, TypeError, KeyError):
            raise BucketFault(f"The object {CLAIM} at PRESENCE_BUCKET_URL is not what a collector writes.") from None
        if folder == position.folder:
            return
        if folder and not is_taking_over:
            raise Refused(f"The bucket at PRESENCE_BUCKET_URL is collected into {where}: stop the collector there, "
                          "then start this one with --take-over.")
        position.write(self._folder)
        where = f"{self._folder.absolute()} on {socket.gethostname()}"
        claim = json.dumps({"folder": position.folder, "where": where})
        self._bucket.put(CLAIM, claim.encode(), CALL_SECONDS)

    def _round(self, position: Position) -> Position:
        """List all objects; collect the new ones and delete those that are in the files, by the position then."""
        processes: set[str] = set()
        for page in self._bucket.pages(INBOX, CALL_SECONDS):
            ours = [(name, entry) for entry in page if (name := self._name(entry))]
            processes.update(name.process for name, _ in ours)
            known = [entry.path for name, entry in ours if name in position]
            new = [(name, entry) for name, entry in ours if name not in position]
            self.progress.known += self._delete(known)
            self.progress.waiting = len(new)
            for commit in _commits(new):
                if self._stopping.is_set():
                    return position
                position = self._collect(commit, position)
        return self._forgetting(position, processes)

    def _forgetting(self, position: Position, listed: set[str]) -> Position:
        kept = position.after_listing(listed, self._clock.now())
        if len(kept.commits) < len(position.commits):
            kept.write(self._folder)
        return kept

    def _name(self, entry: Entry) -> Name | None:
        name = Name.read(entry.path)
        if not name:
            self._say("strange", f"Objects under {INBOX} that no receiver wrote are left alone, {entry.path} say.")
        return name

    def _collect(self, commit: Sequence[tuple[Name, Entry]], position: Position) -> Position:
        """Put the objects' lines into the files, then delete them; the position after that."""
        found = [(name, parts) for name, parts in self._gets.map(self._parts, commit) if parts]
        if found:
            names = [name for name, _ in found]
            accepted, rejected = (b"".join(parts) for parts in zip(*(parts for _, parts in found), strict=True))
            position = position.with_(names, self._clock.now())
            self._writer.exchange(accepted, position.replacing, rejected)
            self.progress.objects += len(names)
            self.progress.lines += accepted.count(b"\n")
            self.progress.rejected += rejected.count(b"\n")
            self._delete([name.path for name in names])
        self.progress.waiting -= len(commit)
        self._show(self.progress)
        return position

    def _parts(self, each: tuple[Name, Entry]) -> tuple[Name, tuple[bytes, bytes] | None]:
        """The object's lines; None where they cannot be had now or ever."""
        name, entry = each
        if self._stopping.is_set():
            return name, None
        try:
            if entry.size <= LARGEST:
                content = self._bucket.get(entry.path, CALL_SECONDS if entry.size < LARGE else LARGE_SECONDS)
                if parts := split(content, name.accepted):
                    return name, parts
            self._bucket.move(entry.path, f"{ASIDE}{name}", CALL_SECONDS)
            self.progress.aside += 1
            self._limited_log.warning(
                "aside", "The object %s is not as a receiver wrote it: it is under %s now.", entry.path, ASIDE)
        except BucketFault as fault:
            self._limited_log.warning("stays", "The object %s stays where it is: %s", entry.path, fault)
        return name, None

    def _delete(self, paths: Sequence[str]) -> int:
        """Delete the objects, but those that lately could not be; how many were tried."""
        now = time.monotonic()
        wanted = [path for path in paths if now - self._stuck.get(path, float("-inf")) > STUCK_SECONDS]
        if wanted:
            try:
                self._bucket.delete(wanted, CALL_SECONDS)
            except BucketFault:
                list(self._gets.map(self._delete_one, wanted))
        return len(wanted)

    def _delete_one(self, path: str) -> None:
        if self._stopping.is_set():
            return
        try:
            self._bucket.delete([path], CALL_SECONDS)
        except BucketFault as fault:
            self._stuck[path] = time.monotonic()
            self._say("stuck", f"The object {path}, and perhaps more, cannot be deleted: {fault} Its lines are in the "
                               "files, once.")

    def _say(self, kind: str, sentence: str) -> None:
        """Once a run."""
        if kind not in self._said:
            self._said.add(kind)
            self._log.warning("%s", sentence)


def _commits(objects: Sequence[tuple[Name, Entry]]) -> Iterator[list[tuple[Name, Entry]]]:
    """The objects in groups that are one commit each."""
    rest = list(objects)
    while rest:
        sizes = itertools.accumulate(entry.size for _, entry in rest)
        count = max(1, sum(size <= MOST_BYTES for size in itertools.islice(sizes, MOST_OBJECTS)))
        yield rest[:count]
        rest = rest[count:]
