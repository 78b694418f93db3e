"""Rejected lines judged again, after a fix or with a newer version: what is good now becomes a line.

A line keeps its delivery's receivedAt. What was replayed leaves the rejected file in the commit that appends the
lines, see `journal`; what is still bad stays there as it is. Knows no command line.
"""
from __future__ import annotations

import contextlib
import dataclasses
import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from presence_receiver.config import Settings
from presence_receiver.errors import NotReplayed
from presence_receiver.extras.replay import rejected_line
from presence_receiver.storage import Journal, Writer, closed_at, housekeeping_lock

Progress = Callable[[int, int], None]
"""Told how many bytes of the file have been read, and how many there are."""


@dataclasses.dataclass
class Outcome:
    """How many observations of a file are lines now, and how many of its lines were left."""

    accepted: int = 0
    left: int = 0


def replay(path: Path, settings: Settings, progress: Progress = lambda done, size: None) -> Outcome:
    """Judge the rejected file's lines again and append what is good now to the files in the settings' folder.

    NotReplayed where the file cannot be read, StorageError where the lines cannot be stored; then nothing changed.
    """
    with (
        _readable(path), housekeeping_lock(settings.data_dir).held(),
        contextlib.closing(_Rewriting(path.resolve())) as rewriting,
    ):
        good = rewriting.judge(progress)
        if rewriting.is_changed:
            Writer(settings).exchange(good, rewriting.exchanging)
            rewriting.tidy()
        return rewriting.outcome


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise NotReplayed(f"{path} is not whole gzip.") from None
    except OSError as failure:
        raise NotReplayed(f"{path} could not be replayed: {failure.strerror}.") from failure


class _Rewriting:
    """A rejected file, plain or gzip, and beside it, hidden, the one that takes its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_gzip = path.suffix == ".gz"
        self._source = open(path, "rb")
        descriptor, name = tempfile.mkstemp(".replay", f".{path.name}.", path.parent)
        self._prepared = Path(name)
        self._raw = open(descriptor, "wb")
        self._sink = gzip.GzipFile("", "wb", 6, self._raw) if self._is_gzip else self._raw
        self._read = 0
        self._is_noted = False
        self.is_changed = False
        self.outcome = Outcome()

    def judge(self, progress: Progress) -> bytes:
        """The lines to append; those to leave are in the prepared file then."""
        size = os.fstat(self._source.fileno()).st_size
        good = bytearray()
        for line in self._lines():
            judged = rejected_line.judged(line)
            self.is_changed = self.is_changed or judged.rejected != line
            good += judged.lines
            self._sink.write(judged.rejected)
            self.outcome.accepted += judged.accepted_count
            self.outcome.left += judged.rejected_count
            progress(self._source.tell(), size)
        return bytes(good)

    def _lines(self) -> Iterator[bytes]:
        """Whole ones only: what is behind the last, the writer may be at."""
        source = gzip.GzipFile(fileobj=self._source) if self._is_gzip else self._source
        for line in source:
            if line.endswith(b"\n"):
                self._read += len(line)
                yield line

    @contextlib.contextmanager
    def exchanging(self, journal: Journal, grown: Sequence[str]) -> Iterator[None]:
        """Around the append, under the writer's lock: what came meanwhile is added, then the files change places."""
        self._check_is_same()
        self._finish()
        self._is_noted = True
        with journal.exchanging(grown, self._prepared, self._path):
            yield

    def _check_is_same(self) -> None:
        try:
            is_same = os.path.samestat(os.stat(self._path), os.fstat(self._source.fileno()))
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise NotReplayed(f"{self._path} was closed meanwhile: replay the file that it has become.")

    def _finish(self) -> None:
        """Add the lines that came since, give the file its predecessor's owner and mode, and sync it."""
        if self._is_gzip:
            self._sink.close()
        else:
            self._source.seek(self._read)
            self._raw.write(self._source.read())
        self._raw.flush()
        before = os.fstat(self._source.fileno())
        os.fchmod(self._raw.fileno(), before.st_mode)
        with contextlib.suppress(PermissionError):
            os.fchown(self._raw.fileno(), before.st_uid, before.st_gid)
        os.fsync(self._raw.fileno())

    def tidy(self) -> None:
        """Remove a closed file of which nothing is left; any other stays, empty."""
        if self.outcome.left == 0 and closed_at("rejected", self._path.name):
            os.unlink(self._path)

    def close(self) -> None:
        """Let go of both files; what was prepared goes, unless it tells the journal how far the commit came."""
        self._source.close()
        self._sink.close()
        self._raw.close()
        if not self._is_noted:
            self._prepared.unlink(missing_ok=True)
