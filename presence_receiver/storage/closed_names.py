"""The next closed name: later than any before it, without listing a folder that may hold 100,000 of them.

The time of the last one is kept in the lock file. Whoever asks holds the lock.
"""
from __future__ import annotations

import datetime
import os
from contextlib import suppress
from pathlib import Path

from presence_receiver.storage import rotation
from presence_receiver.storage.file_lock import FileLock

LENGTH = len("20261122T201500.123456Z")


class ClosedNames:
    """Gives names for the files of a folder, of both stems."""

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self._folder, self._lock = folder, lock

    def next(self, stem: str, now: datetime.datetime) -> str:
        """Return a name that is free, plain and compressed, and keep its time; lists the folder once in its life."""
        last = rotation.parsed_time(self._lock.content(LENGTH).decode("ascii", "replace"))
        names = [rotation.name_at(stem, last)] if last else os.listdir(self._folder)
        name = rotation.closed_name(stem, now, names)
        while any(os.path.lexists(self._folder / taken) for taken in (name, f"{name}.gz", f".odd-{name}")):
            name = rotation.closed_name(stem, now, [name])
        with suppress(OSError):  # on a full disk the name is free all the same
            self._lock.keep(name.removeprefix(f"{stem}-").removesuffix(".jsonl").encode())
        return name
