"""When a file is closed, how it is then called, which ones go: decisions on values, no file is touched here."""
from __future__ import annotations

import datetime
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

STEMS = ("presence", "rejected")
TIME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_CLOSED = re.compile(r"(?P<stem>[a-z]+)-(?P<time>\d{8}T\d{6}\.\d{6}Z)\.jsonl(?:\.gz)?\Z")


def is_due(*, size: int, batch: int, first: datetime.datetime | None, now: datetime.datetime,
           most_bytes: int, most_seconds: int) -> bool:
    """Return whether a file of `size` bytes, whose first line is of `first`, is closed before `batch` bytes more.

    An empty file never is. A file whose first line tells no time is judged by its size alone.
    """
    if size == 0:
        return False
    is_old = first is not None and (now - first).total_seconds() >= most_seconds
    return is_old or size + batch > most_bytes


def closed_name(stem: str, now: datetime.datetime, names: Iterable[str]) -> str:
    """Return the name for a file that is closed now, later than that of any closed before, whatever the clock does."""
    matches = filter(None, map(_CLOSED.match, names))
    texts = sorted((match["time"] for match in matches if match["stem"] == stem), reverse=True)
    last = next(filter(None, map(parsed_time, texts)), None)  # of 100,000 only one is parsed: each takes 6 us
    return name_at(stem, max(now, successor(last) or now) if last else now)


def name_at(stem: str, moment: datetime.datetime) -> str:
    """Return the name of a file that is closed at that moment."""
    return f"{stem}-{moment.strftime(TIME_FORMAT)}.jsonl"


def successor(time: datetime.datetime) -> datetime.datetime | None:
    """Return the moment after that time; None at the end of all times, as a wrong name or clock may say."""
    return time + datetime.timedelta(microseconds=1) if time.year < datetime.MAXYEAR else None


def first_time(line: str) -> datetime.datetime | None:
    """Return the time in the beginning of one of our lines; None where there is none that can be compared."""
    try:
        found = datetime.datetime.fromisoformat(line.split('"')[3])
    except (IndexError, ValueError):
        return None
    return found if line.startswith("{") and found.tzinfo else None


def parsed_time(text: str) -> datetime.datetime | None:
    """Return the time as it stands in a closed name; None where it is none, or has no successor."""
    try:
        found = datetime.datetime.strptime(text, TIME_FORMAT).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    return found if successor(found) else None


def closed_at(stem: str, name: str) -> datetime.datetime | None:
    """Return when the file of this name was closed; None for any other file."""
    match = _CLOSED.match(name)
    if match is None or match["stem"] != stem:
        return None
    return parsed_time(match["time"])


def is_closed(name: str) -> bool:
    """Return whether the file of this name is a closed one of ours."""
    return any(closed_at(stem, name) for stem in STEMS)


def surplus(stem: str, sizes: Mapping[str, int], now: datetime.datetime, *, most_files: int | None,
            most_days: int | None, most_bytes: int | None) -> list[str]:
    """Return the closed files of `stem` to delete, oldest first, of a folder's names and sizes; None limits nothing.

    A plain file and its .gz count as one, with both sizes. One beyond a limit takes all older ones with it.
    """
    files = defaultdict(list)
    for name in sorted(sizes):
        if closed_at(stem, name):
            files[name.removesuffix(".gz")].append(name)
    newest_first = sorted(files, reverse=True)
    totals = itertools.accumulate(sum(sizes[name] for name in files[base]) for base in newest_first)
    doomed = [
        base for count, (base, total) in enumerate(zip(newest_first, totals, strict=True), 1)
        if _is_beyond(count, most_files) or _is_beyond(total, most_bytes)
        or _is_beyond(_days(stem, base, now), most_days)
    ]
    return [name for base in reversed(doomed) for name in files[base]]


def _is_beyond(value: float, most: int | None) -> bool:
    return most is not None and value > most


def _days(stem: str, name: str, now: datetime.datetime) -> float:
    closed = closed_at(stem, name)
    return (now - closed) / datetime.timedelta(days=1) if closed else 0
