"""When the last delivery came, known to all workers and after a restart: the time of a hidden file in the data folder.

Silence is told once in the log, by whichever worker first makes a second hidden file; it goes when a delivery comes.
Nothing here may fail or delay a delivery. Knows nothing of HTTP.
"""
from __future__ import annotations

import logging
import os
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path

from presence_receiver.storage import durable, thread_pool

NAME, QUIET_NAME, LOCK_NAME = ".last-delivery", ".quiet", ".presence.lock"

SECONDS = 10
"""Between two touches of the file by a process: so exact is the time."""

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

QUIET = (
    "No delivery has come for %.0f s, and PRESENCE_QUIET_SECONDS is %d: see presence-cli list and presence-cli doctor."
)
AGAIN = "A delivery has come again, after %.0f s without one."

log = logging.getLogger(__name__)


class LastDelivery:
    """The time of the last delivery in a folder; without a folder, this process's own alone."""

    def __init__(self, folder: Path | None, quiet_seconds: int | None = None) -> None:
        self._folder, self._quiet_seconds = folder, quiet_seconds
        self._next = float("-inf")
        self._own: float | None = None
        self._started = time.time()
        self._turn = threading.Lock()

    def note(self) -> None:
        """Touch the file, where that was not done a moment ago, and wait for nothing.

        A disk that hangs holds one thread of the pool and no delivery.
        """
        if time.monotonic() >= self._next and self._turn.acquire(blocking=False):
            self._own = time.time()
            try:
                thread_pool.start(self._touch, self._touched)
            except RuntimeError:  # no thread is to be had
                self._touched()

    def _touch(self, waits: bool) -> bool:
        if self._folder:
            with suppress(OSError):
                durable.make_folder(self._folder)
                _stamp(self._folder / NAME, self._own or 0)
        return True

    def _touched(self) -> None:
        self._next = time.monotonic() + SECONDS
        self._turn.release()

    def at(self) -> float | None:
        """Return when the last delivery came, in Unix time, some seconds early; None where none is known of."""
        shared = _time(self._folder / NAME) if self._folder else None
        return max((at for at in (self._own, shared) if at is not None), default=None)

    def seconds(self) -> float | None:
        """Return how long ago that was."""
        at = self.at()
        return None if at is None else max(time.time() - at, 0.0)

    def is_quiet(self) -> bool:
        """Return whether nothing came for longer than the setting allows; a start counts as a delivery."""
        return self._quiet_seconds is not None and self._silence() > self._quiet_seconds

    def _silence(self) -> float:
        return time.time() - (self.at() or self._started)

    def look(self) -> None:
        """Tell in the log, once for all workers, that it has grown quiet, and that a delivery has come again."""
        if self._quiet_seconds is not None and self._folder:
            with suppress(OSError):  # what is the matter with the disk, others tell
                tell = self._tell_quiet if self.is_quiet() else self._tell_again
                tell(self._folder / QUIET_NAME)

    def _tell_quiet(self, path: Path) -> None:
        """Tell, where this process makes the file; it has the time of the last delivery before."""
        silence = self._silence()
        durable.make_folder(path.parent)
        _stamp(path, time.time() - silence, os.O_EXCL)
        log.warning(QUIET, silence, self._quiet_seconds)

    def _tell_again(self, path: Path) -> None:
        """Tell, where this process removes the file."""
        before = _time(path)
        if before is not None:
            os.unlink(path)
            log.info(AGAIN, (self.at() or time.time()) - before)


def _time(path: Path) -> float | None:
    """Return a plain file's time; None where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None


def _stamp(path: Path, at: float, more: int = 0) -> None:
    """Give the file this time, and make it where it is missing; a link of its name goes aside, and is not followed."""
    if durable.strange(path):
        durable.put_aside(path)
    descriptor = os.open(path, FLAGS | more, durable.FILE_MODE)
    try:
        if os.geteuid() == 0:
            _give_away(descriptor, path.parent)
        os.utime(descriptor, (at, at))
    finally:
        os.close(descriptor)


def _give_away(descriptor: int, folder: Path) -> None:
    """Give what root makes to the receiver, as all in the folder."""
    with suppress(OSError):
        lock = os.lstat(folder / LOCK_NAME)
        os.fchown(descriptor, lock.st_uid, lock.st_gid)
