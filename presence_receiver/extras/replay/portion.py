"""Part of a rejected file judged again: lines to append, and the file that takes its place in the same commit.

All that may take long comes before the writer's lock is asked for; under it only what came meanwhile is copied.
"""
from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from presence_receiver.as_sent import AsSent
from presence_receiver.errors import NotReplayed
from presence_receiver.extras.replay import rejected_line
from presence_receiver.storage import Journal, open_plain

PIECE = 1 << 20

Progress = Callable[[int, int], None]
"""Told how many bytes of the file have been read, and how many there are."""


def moved(path: Path) -> NotReplayed:
    """Return the error of a file that has another name now."""
    return NotReplayed(f"{path} was closed meanwhile: replay the file that it has become.")


class _Committed(io.FileIO):
    """A file up to `end`: what is behind that may be taken back."""

    end = 0

    def readinto(self, buffer: Any) -> int:
        """Read what there is before the end."""
        return super().readinto(memoryview(buffer)[:max(0, self.end - self.tell())]) or 0


class Portion:
    """A rejected file, plain or gzip, and beside it, hidden, the one that takes its place.

    `committed` tells of an open file where the whole lines end that are in it for good.
    """

    def __init__(self, path: Path, committed: Callable[[int], int], kept: AsSent) -> None:
        self._path, self._committed, self._kept = path, committed, kept
        self._raw = _Committed(open_plain(path))
        self._buffered = io.BufferedReader(self._raw, PIECE)
        self._is_gzip = path.suffix == ".gz"
        self._source = cast(IO[bytes], gzip.GzipFile(fileobj=self._buffered) if self._is_gzip else self._buffered)
        descriptor, name = tempfile.mkstemp(".replay", f".{path.name}.", path.parent)
        self._prepared, self._file = Path(name), open(descriptor, "wb")
        self._sink = cast(IO[bytes], gzip.GzipFile("", "wb", 6, self._file) if self._is_gzip else self._file)
        self._is_noted = False
        self.is_changed = self.is_over = False
        self.settled = self.accepted = self.left = 0
        self.held_seconds = 0.0

    def judge(self, settled: int, most: int, progress: Progress) -> bytes:
        """Return about `most` bytes of lines to append; the first `settled` bytes of the file stay as they are.

        What is to stay of the others is in the prepared file then, and all that was not reached.
        """
        good, rest = bytearray(), b""
        self._find_end()
        while piece := self._source.read(min(PIECE, settled - self.settled)):
            self._keep(piece)
        for line in self._lines():
            rest = self._take(line, good, most)
            progress(self._buffered.tell(), self._raw.end)
            if rest or len(good) >= most:
                break
        else:
            self.is_over = True
        self._sink.write(rest)
        self._prepare()
        return bytes(good)

    def _lines(self) -> Iterator[bytes]:
        while True:
            for line in self._source:  # `yield from` would close it with the generator
                yield line
            if self._is_gzip or not self._find_end():
                return

    def _find_end(self) -> bool:
        """Note how far the file may be read; return whether that is farther than before."""
        before, descriptor = self._raw.end, self._raw.fileno()
        self._raw.end = os.fstat(descriptor).st_size if self._is_gzip else self._committed(descriptor)
        return self._raw.end > before

    def _take(self, line: bytes, good: bytearray, most: int) -> bytes:
        """Judge the line; return what of it is for the next portion."""
        while line and len(good) < most:
            judged = rejected_line.judged(line, most - len(good), self._kept)
            rest = rejected_line.unjudged_line(judged)
            good += judged.lines
            self._keep(judged.rejected.removesuffix(rest))
            self.is_changed |= judged.rejected != line
            self.accepted += judged.accepted_count
            self.left += judged.rejected_count
            line = rest
        return line

    def _keep(self, text: bytes) -> None:
        self._sink.write(text)
        self.settled += len(text)

    def _prepare(self) -> None:
        """Copy what was not reached, give the file its predecessor's owner and mode, and sync it."""
        if not self._is_gzip:
            self._find_end()
        shutil.copyfileobj(self._source, self._sink, PIECE)
        if self._is_gzip:
            self._sink.close()
        before, descriptor = os.fstat(self._raw.fileno()), self._file.fileno()
        os.fchmod(descriptor, before.st_mode)
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
        self._sync()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    @contextlib.contextmanager
    def exchanging(self, journal: Journal, grown: Sequence[str]) -> Iterator[None]:
        """Wrap the append, under the writer's lock: add what came meanwhile, then let the files change places."""
        began = time.monotonic()
        self._check_is_same()
        if not self._is_gzip:
            self._raw.seek(self._raw.end)
            self._raw.end = sys.maxsize
            shutil.copyfileobj(self._raw, self._file, PIECE)
            self._sync()
        self._is_noted = True
        with journal.exchanging(grown, self._prepared, self._path):
            yield
        self.held_seconds = time.monotonic() - began

    def _check_is_same(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self._path), os.fstat(self._raw.fileno())):
                return
        raise moved(self._path)

    def is_of(self, before: os.stat_result) -> bool:
        """Return whether it is the file that the portion before has put in this place."""
        return os.path.samestat(os.fstat(self._raw.fileno()), before)

    def successor(self) -> os.stat_result:
        """Return what is known of the file that takes the place of this one."""
        return os.fstat(self._file.fileno())

    def close(self) -> None:
        """Let go of both files; what was prepared goes, unless it tells the journal how far the commit came."""
        self._source.close()
        self._raw.close()
        self._sink.close()
        self._file.close()
        if not self._is_noted:
            self._prepared.unlink(missing_ok=True)
