"""One growing file of lines: opened, repaired, closed, appended to and undone. The caller holds the lock.

It is opened for each commit and closed after it, so that nobody keeps the room of a file that was deleted or replaced
(an `open` and a `close` take 10 microseconds, a sync 400). Its other writers are processes that hold the same lock in
turn; readers and logrotate may do as they like. Raises OSError; what that means, the writer decides.
"""
from __future__ import annotations

import datetime
import os
import stat
from contextlib import suppress
from pathlib import Path

from presence_receiver.storage import durable, rotation
from presence_receiver.storage.closed_names import ClosedNames
from presence_receiver.storage.odd_files import ODD
from presence_receiver.storage.scanning import first_hole, torn_tail

FIRST_LINE = '{"receivedAt":"2026-11-22T20:15:00.123456Z"'
CONDEMNED = stat.S_ISVTX
"""In the mode of a file whose sync failed: all processes see it at once, and it takes no room on a full disk."""

FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LineFile:
    """The file `stem`.jsonl in a folder; `most_bytes` and `most_seconds` say when it is due to be closed."""

    def __init__(self, where: Path, stem: str, names: ClosedNames, *, most_bytes: int, most_seconds: int,
                 is_synced: bool) -> None:
        self._folder, self.stem, self._names = where, stem, names
        self.path, self._next = str(where / f"{stem}.jsonl"), str(where / f".{stem}.jsonl.next")
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self._descriptor, self._is_synced = -1, is_synced
        self._known: tuple[int, int] | None = None
        self._condemned: tuple[int, int] | None = None
        self._whole, self._is_scanned = 0, False
        self._first: datetime.datetime | None = None
        self._size = self._start = self._closed_count = 0

    def look(self) -> None:
        """Scan a file that this process does not know yet, without the lock; `open` then scans only what is new."""
        with suppress(FileNotFoundError):
            found = os.stat(self.path)
            if (found.st_dev, found.st_ino) != self._known and not durable.strange(self.path):
                descriptor = os.open(self.path, FLAGS)
                try:
                    self._remember(os.fstat(descriptor))
                    hole = first_hole(descriptor, 0, found.st_size)
                    self._whole = found.st_size if hole is None else hole
                finally:
                    os.close(descriptor)

    def open(self, now: datetime.datetime) -> bytes:
        """Open the file of that name, unless it is open; return the torn tail that a crash left in it.

        A file that is odd (see `odd_files`) is renamed, and a new one opened in its place.
        """
        if self._descriptor < 0:
            self._reopen()
            if self._known == self._condemned:
                self._start = self._size
                self.abandon(now)
                self._reopen()
        torn = torn_tail(self._descriptor, self._size, self._hole())
        if torn is not None and (len(torn) == self._size or self._first_time()):
            return torn
        self._put_aside(now)
        return b""

    def _hole(self) -> int | None:
        if self._is_scanned:
            return None
        hole = first_hole(self._descriptor, min(self._whole, self._size), self._size)
        self._is_scanned = hole is None
        return hole

    def _put_aside(self, now: datetime.datetime) -> None:
        os.rename(self.path, self._folder / f"{ODD}{self._names.next(self.stem, now)}")
        self._reopen()

    def _reopen(self) -> None:
        self.forget()
        self._first = None
        try:
            self._descriptor = os.open(self.path, FLAGS)
        except OSError:
            if durable.strange(self.path):
                durable.put_aside(self.path)
            self._descriptor = os.open(self.path, FLAGS | os.O_CREAT, durable.FILE_MODE)
            durable.sync_folder(self._folder)
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            durable.put_aside(self.path)
            return self._reopen()
        self._size = found.st_size
        if (found.st_dev, found.st_ino) != self._known:
            self._remember(found)
        if found.st_mode & CONDEMNED:
            self._condemned = self._known

    def _remember(self, found: os.stat_result) -> None:
        self._known = found.st_dev, found.st_ino
        self._whole, self._is_scanned = 0, False

    def forget(self) -> None:
        """Let go of the open file, if there is one; what a scan of it found is remembered."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with suppress(OSError):  # what counts is synced
                os.close(descriptor)

    def cut(self, count: int) -> None:
        """Take so many bytes off the end, for good."""
        self._size -= count
        os.ftruncate(self._descriptor, self._size)
        self.sync()

    def prepare(self, batch: bytes, now: datetime.datetime) -> None:
        """Close the file if it is due before the batch, and note where that will begin.

        Old is what spans too long a time: lines that come days late make no file for each batch.
        """
        first = rotation.first_time(batch[:len(FIRST_LINE)].decode(errors="replace"))
        self.close_if_due(len(batch), now, first or now)
        self._start = self._size

    def close_if_due(self, batch: int, now: datetime.datetime, until: datetime.datetime | None = None) -> None:
        """Close the file if it is full or, `until` then, old; where there can be no new one, go on with it."""
        if rotation.is_due(size=self._size, batch=batch, first=self._first_time(), now=until or now,
                           most_bytes=self._most_bytes, most_seconds=self._most_seconds):
            with suppress(OSError):
                os.close(durable.open_new(self._next))  # first, since there may be no inode for it
                self.close(now)
            self._reopen()

    def _first_time(self) -> datetime.datetime | None:
        if self._size and self._first is None:
            start = os.pread(self._descriptor, len(FIRST_LINE), 0)
            self._first = rotation.first_time(start.decode(errors="replace"))
        return self._first if self._size else None

    def close(self, now: datetime.datetime) -> None:
        """Give the file its closed name, and the next one its place, where there is one."""
        os.rename(self.path, self._folder / self._names.next(self.stem, now))
        self._closed_count += 1
        durable.sync_folder(self._folder)
        if os.path.exists(self._next):  # only now: a power cut may keep the second of two renames alone
            os.rename(self._next, self.path)
            durable.sync_folder(self._folder)

    def take_closed_count(self) -> int:
        """Return how often it was closed since this was last asked."""
        count, self._closed_count = self._closed_count, 0
        return count

    def abandon(self, now: datetime.datetime) -> None:
        """Let nobody write to the open file again: close it, or remove it where nothing is in it.

        It bears a mark, for the others where that fails.
        """
        self._condemned = self._known
        with suppress(OSError):
            os.fchmod(self._descriptor, durable.FILE_MODE | CONDEMNED)
        self.forget()
        if self._start:
            self.close(now)
        else:
            os.unlink(self.path)
        self._condemned = None

    def write(self, batch: bytes) -> None:
        """Append all of it, not yet synced."""
        rest = memoryview(batch)
        while rest:
            rest = rest[os.write(self._descriptor, rest):]
        self._size += len(batch)

    def undo(self) -> None:
        """Take back all that was written since `prepare`."""
        os.ftruncate(self._descriptor, self._start)
        self._size = self._start

    def sync(self) -> None:
        """Return when what was written survives a power cut, unless the settings do without."""
        if not self._is_synced:
            return
        durable.sync_content(self._descriptor)
        durable.let_pages_go(self._descriptor, self._start, self._size)
