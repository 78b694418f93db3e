"""Rejected lines judged again, after a fix or with a newer version: what is good now becomes a line.

A line keeps its delivery's receivedAt. What was replayed leaves the rejected file in the commit that appends the
lines, see `journal`; what is still bad stays there as it is. Knows no command line.

It goes portion by portion, so that deliveries wait for none of them for long. After each the file says how far it came:
whatever ends a replay, the next one goes on from there.
"""
from __future__ import annotations

import contextlib
import dataclasses
import gzip
import itertools
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from presence_receiver.app import kept
from presence_receiver.config import Settings
from presence_receiver.errors import NotReplayed
from presence_receiver.extras.replay import rejected_line
from presence_receiver.extras.replay.portion import Portion, Progress, moved
from presence_receiver.storage import Writer, closed_at, housekeeping_lock, open_plain, storage_error, user_name

MOST_BYTES, LEAST_BYTES = 6 << 20, 1 << 16
"""Of lines in one portion; the last of its rejected lines may give 2 MB more."""

HELD_SECONDS = 0.25
"""What a commit should take at most; where one takes longer, those after it are smaller."""


LOOKED_AT = 100
"""Lines that tell of what kind a file is."""


@dataclasses.dataclass
class Outcome:
    """How many observations of a file are lines now, and how many of its lines were left."""

    accepted: int = 0
    left: int = 0


def replay(path: Path, settings: Settings, progress: Progress = lambda done, size: None) -> Outcome:
    """Judge the rejected file's lines again and append what is good now to the files in the settings' folder.

    NotReplayed where the file cannot be read, StorageError where the lines cannot be stored; then nothing changed since
    the last portion.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(housekeeping_lock(settings.data_dir).held())
        except OSError as failure:
            raise storage_error(failure) from failure
        stack.enter_context(_readable(path))
        _check_kind(path)
        return _Replay(path, settings, progress).done()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise NotReplayed(f"{path} is not whole gzip.") from None
    except PermissionError:
        user = user_name(os.geteuid())
        raise NotReplayed(f"{path} could not be replayed: {user}, whose the lines are, must be able to read it and to "
                          "write beside it.") from None
    except OSError as failure:
        raise NotReplayed(f"{path} could not be replayed: {failure.strerror}.") from failure


def _check_kind(path: Path) -> None:
    """Raise NotReplayed where none of the first lines is a rejected one; a person may have spoilt some."""
    with open(open_plain(path), "rb") as file:
        source = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
        first = [line for line in itertools.islice(source, LOOKED_AT) if line.endswith(b"\n")]
    if first and not any(map(rejected_line.is_rejected, first)):
        raise NotReplayed(f"{path} is no rejected file: give rejected.jsonl or a closed rejected file.")


class _Replay:
    """One file, portion by portion."""

    def __init__(self, path: Path, settings: Settings, progress: Progress) -> None:
        self._path, self._progress = path.parent.resolve() / path.name, progress
        if self._path == settings.data_dir.resolve() / "presence.jsonl":
            raise NotReplayed(f"{path} has lines, not rejected ones: name a rejected file.")
        self._writer, self._kept = Writer(settings), kept(settings)
        self._most, self._settled = MOST_BYTES, 0
        self._file: os.stat_result | None = None
        self._outcome = Outcome()

    def done(self) -> Outcome:
        """Replay it all; a closed file of which nothing is left goes, any other stays, empty."""
        while not self._is_over():
            pass
        is_empty = self._outcome.left == 0 and (self._path.suffix == ".gz" or self._path.stat().st_size == 0)
        if self._file and is_empty and closed_at("rejected", self._path.name):
            os.unlink(self._path)
        return self._outcome

    def _is_over(self) -> bool:
        """Do one portion; return whether it was the last."""
        with contextlib.closing(Portion(self._path, self._writer.whole_end, self._kept)) as portion:
            if self._file and not portion.is_of(self._file):
                raise moved(self._path)
            good = portion.judge(self._settled, self._most, self._progress)
            if portion.is_changed:
                self._writer.exchange(good, portion.exchanging)
                self._file = portion.successor()
                self._fit(portion.held_seconds)
            self._settled = portion.settled
            self._outcome.accepted += portion.accepted
            self._outcome.left += portion.left
            return portion.is_over

    def _fit(self, seconds: float) -> None:
        """Let the next portions be smaller where this one took too long."""
        if seconds > HELD_SECONDS:
            self._most = max(LEAST_BYTES, int(self._most * HELD_SECONDS / seconds))
