"""What lies in the bucket for the files: listed, fetched, set aside, deleted. Knows no files.

Strangers' objects are left alone, and what is not as a receiver wrote it is moved; neither stops the rest.
"""
from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from presence_receiver.extras.bucket.names import ASIDE, INBOX, Name, split
from presence_receiver.extras.bucket.store import CALL_SECONDS, Bucket, BucketFault
from presence_receiver.log_limit import LimitedLog
from presence_receiver.mask import one_line

LARGEST = 1 << 30
"""Bytes; a larger object is no receiver's, and would not fit into memory."""

AT_ONCE = 16
LARGE, LARGE_SECONDS = 4 * 1024 * 1024, 120.0
"""From how many bytes on fetching an object may take longer, and how long then."""

STUCK_SECONDS = 600
"""So long after it failed deleting or moving an object is tried again."""


class Listed(NamedTuple):
    """An object of a receiver's, and its bytes."""

    name: Name
    size: int


class Inbox:
    """The objects that wait; the calls for one commit are made at once, none any more when `is_stopping`."""

    def __init__(self, bucket: Bucket, is_stopping: Callable[[], bool]) -> None:
        self._bucket, self._is_stopping = bucket, is_stopping
        self._calls = ThreadPoolExecutor(AT_ONCE)
        self._log = LimitedLog(logging.getLogger(__name__))
        self._log_once = LimitedLog(logging.getLogger(__name__), seconds=math.inf)
        self._stuck: dict[str, float] = {}
        self.aside_count = 0

    def pages(self) -> Iterator[list[Listed]]:
        """List all that receivers put there, page by page; BucketFault where that fails."""
        for page in self._bucket.pages(INBOX):
            yield [Listed(name, each["size"]) for each in page if (name := self._name(each["path"]))]

    def _name(self, path: str) -> Name | None:
        name = Name.read(path)
        if not name:
            self._log_once.warning(
                "strange", "Objects under %s that no receiver wrote are left alone, %s say.", INBOX, one_line(path))
        return name

    def fetch(self, listed: Sequence[Listed]) -> dict[Name, tuple[bytes, bytes]]:
        """Return the accepted and the rejected lines of each object that can be had and is whole."""
        found = zip(listed, self._calls.map(self._fetch, listed), strict=True)
        return {each.name: lines for each, lines in found if lines}

    def _fetch(self, listed: Listed) -> tuple[bytes, bytes] | None:
        name, size = listed
        if self._is_stopping() or self._is_stuck(name.path):
            return None
        try:
            if size <= LARGEST:
                content = self._bucket.get(name.path, CALL_SECONDS if size < LARGE else LARGE_SECONDS)
                if lines := split(content, name.accepted):
                    return lines
        except BucketFault as fault:
            self._log.warning("stays", "The object %s stays where it is: %s", name.path, fault)
        else:
            self._put_aside(name)
        return None

    def _put_aside(self, name: Name) -> None:
        try:
            self._bucket.move(name.path, f"{ASIDE}{name}")
        except BucketFault as fault:
            self._stuck[name.path] = time.monotonic()
            self._log_once.warning(
                "odd", "The object %s is not as a receiver wrote it and cannot be moved: %s", name.path, fault)
        else:
            self.aside_count += 1
            self._log.warning(
                "aside", "The object %s is not as a receiver wrote it: it is under %s now.", name.path, ASIDE)

    def delete(self, names: Iterable[Name]) -> int:
        """Delete what is in the files, but objects that lately could not be; return how many were tried."""
        wanted = [name.path for name in names if not self._is_stuck(name.path)]
        if wanted:
            try:
                self._bucket.delete(wanted)
            except BucketFault:
                list(self._calls.map(self._delete_one, wanted))
        return len(wanted)

    def _delete_one(self, path: str) -> None:
        if self._is_stopping():
            return
        try:
            self._bucket.delete([path])
        except BucketFault as fault:
            self._stuck[path] = time.monotonic()
            self._log_once.warning("stuck", "The object %s, and perhaps more, cannot be deleted: %s Its lines are in "
                                   "the files, once.", path, fault)

    def _is_stuck(self, path: str) -> bool:
        return time.monotonic() - self._stuck.get(path, float("-inf")) < STUCK_SECONDS
