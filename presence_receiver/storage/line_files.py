"""Both growing files together: what is appended to them is on disk in both, or not at all. The caller holds the lock.

The rejected file comes first, then the lines. Raises OSError; what that means, the writer decides.
"""
from __future__ import annotations

import datetime
import errno
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from presence_receiver import lines
from presence_receiver.config import Settings
from presence_receiver.storage import durable
from presence_receiver.storage.active_file import LineFile
from presence_receiver.storage.closed_names import ClosedNames
from presence_receiver.storage.faults import kind_of
from presence_receiver.storage.file_lock import FileLock

SLACK = 64 * 1024
"""Bytes that a filesystem may need beside the lines themselves, for its own blocks and names."""

LOOK_SECONDS = 1.0

Around = Callable[[Sequence[str]], AbstractContextManager[None]]
"""Given the paths of the files that grow, what is done around their growing."""


class LineFiles:
    """presence.jsonl and rejected.jsonl in the settings' folder, opened for each call and closed after it."""

    def __init__(self, settings: Settings, lock: FileLock) -> None:
        self._folder = str(settings.data_dir)
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._longest_file = sys.maxsize if limit == resource.RLIM_INFINITY else limit
        self.accepted, self.rejected = (
            LineFile(
                settings.data_dir, stem, ClosedNames(settings.data_dir, lock), is_synced=settings.fsync,
                most_bytes=min(settings.rotate_bytes, self._longest_file), most_seconds=settings.rotate_seconds,
            )
            for stem in ("presence", "rejected")
        )
        self._looked = float("-inf")
        self.sync_seconds = 0.0
        """How long the syncs of the last commit took."""

    @property
    def both(self) -> tuple[LineFile, LineFile]:
        """The files in the order in which they are written."""
        return self.rejected, self.accepted

    def exist(self) -> bool:
        """Return whether there is one of them."""
        return any(os.path.exists(file.path) for file in self.both)

    def look(self) -> None:
        """Scan what is new to this process, before the lock is asked for; looking for that once a second is enough."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            for file in self.both:
                file.look()

    def append(self, accepted: bytes, rejected: bytes, around: Around = lambda paths: nullcontext()) -> None:
        """Write and sync both batches within `around` or, whatever is raised, none; both files are tried at least."""
        batches = [(self.rejected, rejected), (self.accepted, accepted)]
        now = datetime.datetime.now(datetime.UTC)
        try:
            self._append([(file, batch) for file, batch in batches if batch] or batches, now, around)
        finally:
            self._let_go()

    def close_due(self) -> None:
        """Close what is old though no delivery comes."""
        now = datetime.datetime.now(datetime.UTC)
        try:
            for file in self.both:
                if os.path.exists(file.path):
                    self._open(file, now)
                    file.close_if_due(0, now)
        finally:
            self._let_go()

    def close_now(self) -> None:
        """Close both; the accepted file first, since what is torn in it goes to the rejected one."""
        now = datetime.datetime.now(datetime.UTC)
        try:
            for file in (self.accepted, self.rejected):
                if os.path.exists(file.path):
                    self._open(file, now)
                    file.close_if_due(sys.maxsize, now)
                    if os.path.getsize(file.path):
                        raise OSError(errno.EIO, os.strerror(errno.EIO))
        finally:
            self._let_go()

    def _let_go(self) -> None:
        for file in self.both:
            file.forget()

    def _repair(self, file: LineFile, torn: bytes, now: datetime.datetime) -> None:
        """Move what a crash left torn to the rejected file, that it may never be glued to the next line."""
        aside = _aside(torn, now)
        if file is self.rejected:
            self._check_room([len(aside)])
            file.cut(len(torn))
            self._append([(file, aside)], now)
        else:
            self._append([(self.rejected, aside)], now)
            file.cut(len(torn))

    def _open(self, file: LineFile, now: datetime.datetime) -> None:
        if torn := file.open(now):
            self._repair(file, torn, now)

    def _append(self, batches: Sequence[tuple[LineFile, bytes]], now: datetime.datetime,
                around: Around = lambda paths: nullcontext()) -> None:
        files = [file for file, _ in batches]
        for file in files:
            self._open(file, now)
        self._check_room([len(batch) for _, batch in batches])
        for file, batch in batches:
            file.prepare(batch, now)
        with around([file.path for file in files]), _undone_on_failure(files, now):
            for file, batch in batches:
                file.write(batch)
            start = time.monotonic()
            for file in files:
                file.sync()
            self.sync_seconds = time.monotonic() - start

    def _check_room(self, sizes: Sequence[int]) -> None:
        """Refuse before the first byte where that is possible: `tail -F` prints a shrunk file again."""
        if max(sizes) > self._longest_file:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        if durable.free_bytes(self._folder) < sum(sizes) + SLACK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _aside(torn: bytes, now: datetime.datetime) -> bytes:
    """Return the rejected line of a torn tail; zero bytes at its end are no content."""
    return lines.unreadable(torn.rstrip(b"\0"), "Half a line, left by a crash or a power cut.", lines.stamp(now))


@contextmanager
def _undone_on_failure(files: Sequence[LineFile], now: datetime.datetime) -> Iterator[None]:
    """Take back what was written to the files, whatever is raised; after a failed sync, never write to them again.

    The kernel may have thrown the pages away, and a second sync would succeed without them.
    """
    try:
        yield
    except BaseException as failure:
        for file in files:
            with suppress(OSError):
                file.undo()
            if isinstance(failure, OSError) and kind_of(failure) != "full":
                with suppress(OSError):
                    file.abandon(now)
        raise
