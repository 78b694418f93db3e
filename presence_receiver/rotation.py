"""When a file is closed and how it is then called: decisions on values, no file is touched here."""
from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

TIME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_CLOSED = re.compile(r"(?P<stem>[a-z]+)-(?P<time>\d{8}T\d{6}\.\d{6}Z)\.jsonl(?:\.gz)?\Z")


def is_due(*, size: int, batch: int, first: datetime.datetime | None, now: datetime.datetime,
           most_bytes: int, most_seconds: int) -> bool:
    """Whether a file of `size` bytes, whose first line is of `first`, is closed before `batch` bytes more.

    An empty file never is. A file whose first line tells no time is judged by its size alone.
    """
    if size == 0:
        return False
    is_old = first is not None and (now - first).total_seconds() >= most_seconds
    return is_old or size + batch > most_bytes


def closed_name(stem: str, now: datetime.datetime, names: Iterable[str]) -> str:
    """The name for a file that is closed now, later than that of any closed before, whatever the clock does."""
    times = [time for name in names if (time := closed_at(stem, name))]
    moment = max([now, *(time + datetime.timedelta(microseconds=1) for time in times)])
    return f"{stem}-{moment.strftime(TIME_FORMAT)}.jsonl"


def closed_at(stem: str, name: str) -> datetime.datetime | None:
    """When the file of this name was closed; None for any other file."""
    match = _CLOSED.match(name)
    if match is None or match["stem"] != stem:
        return None
    try:
        return datetime.datetime.strptime(match["time"], TIME_FORMAT).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
