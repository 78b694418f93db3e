"""Lines appended and a file replaced, both or neither, though a crash may come between the two.

What was to be done is noted before the first byte. Whoever holds the writer's lock next finds the note and either
takes the lines back or, where the file has been replaced, lets them stand; until then nobody appends.
"""
from __future__ import annotations

import errno
import json
import logging
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from presence_receiver.storage import durable

LONGEST = 64 * 1024
"""Bytes of a note; ours has a few hundred."""

log = logging.getLogger(__name__)


class Journal:
    """The note, a hidden file in the data folder; the caller holds the writer's lock."""

    def __init__(self, where: Path) -> None:
        self._folder = where
        self.path = where / ".replay.journal"
        self._name = str(self.path)

    @contextmanager
    def exchanging(self, grown: Sequence[str], prepared: Path, target: Path) -> Iterator[None]:
        """Note where the files `grown` end, let the caller append to them, then put `prepared` in `target`'s place.

        That rename is the commit: until it is done, `resolve` takes the lines back.
        """
        self._note(grown, prepared)
        yield
        os.rename(prepared, target)

    def _note(self, grown: Sequence[str], prepared: Path) -> None:
        ends = [(path, os.stat(path)) for path in grown]
        note = {"prepared": self._relative(prepared), "grown": [
            {"path": self._relative(path), "inode": end.st_ino, "size": end.st_size} for path, end in ends]}
        draft = self.path.with_suffix(".draft")
        descriptor = durable.open_new(draft)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(note, file)
            file.flush()
            os.fsync(descriptor)
        os.rename(draft, self.path)
        durable.sync_folder(self._folder)

    def _relative(self, path: str | Path) -> str:
        """Return it from the data folder, which may have another path for who resolves this, in a container say."""
        return os.path.relpath(os.path.realpath(path), os.path.realpath(self._folder))

    def resolve(self) -> None:
        """Finish what a crash cut off; returns at once where there is no note."""
        if not os.path.lexists(self._name):
            return
        try:
            note = json.loads(self._text())
            prepared = self._file(note["prepared"])
            ends = [(self._file(grown["path"]), _count(grown["inode"]), _count(grown["size"]))
                    for grown in note["grown"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            self._put_aside()
            return
        if prepared.exists():
            for end in ends:
                _shrink(*end)
            os.unlink(prepared)
        else:
            _sync_if_there(prepared.parent)
        os.unlink(self.path)
        durable.sync_folder(self._folder)

    def _text(self) -> bytes:
        found = os.lstat(self.path)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST:
            raise ValueError
        return self.path.read_bytes()

    def _file(self, name: str) -> Path:
        """Return the path of a plain file, or of none; ValueError or TypeError where it can be neither."""
        path = self._folder / name
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise ValueError
        except OSError as failure:
            if failure.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                raise ValueError from None
        return path

    def _put_aside(self) -> None:
        """Let an odd note be: what it meant, a person may find out; guessing might take lines back."""
        aside = self.path.with_name(f"{self.path.name}.odd-{time.time_ns()}")
        os.rename(self.path, aside)
        durable.sync_folder(self._folder)
        log.warning("%s could not be read and is now %s; nothing was done about it.", self.path.name, aside.name)


def _count(number: object) -> int:
    if type(number) is not int or number < 0:
        raise ValueError
    return number


def _shrink(grown: Path, inode: int, size: int) -> None:
    """Take back what was appended since, unless someone has moved the file away."""
    try:
        descriptor = durable.open_plain(grown, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        now = os.fstat(descriptor)
        if now.st_ino == inode and now.st_size > size:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_if_there(where: Path) -> None:
    if where.is_dir():
        durable.sync_folder(where)
