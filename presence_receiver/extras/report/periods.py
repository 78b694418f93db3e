"""Hours, days and months of a time zone without gaps, their names, and where an axis of them has its ticks."""
from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

HOURS_SHOWN, DAYS_SHOWN = datetime.timedelta(days=10), datetime.timedelta(days=400)
"""What is longer is shown day by day, or month by month."""
MOST_TICKS, MOST_NARROW = 12, 4
FORMATS = {"hour": "%Y-%m-%d %H:%M", "day": "%Y-%m-%d", "month": "%Y-%m"}

RULES: list[Callable[[datetime.datetime], bool]] = [
    lambda time: True,
    lambda time: time.hour % 3 == 0,
    lambda time: time.hour % 6 == 0,
    lambda time: time.hour == 0,
    lambda time: time.hour == 0 and time.weekday() == 0,
    lambda time: time.hour == 0 and time.day == 1,
    lambda time: time.hour == 0 and time.day == 1 and time.month % 3 == 1,
    lambda time: time.hour == 0 and time.day == time.month == 1,
]
"""Which periods have a tick: the first rule that gives a dozen at most is taken."""


def fitting(span: datetime.timedelta) -> str:
    """Return the step in which so long a time can be shown."""
    return "hour" if span <= HOURS_SHOWN else "day" if span <= DAYS_SHOWN else "month"


def periods(first: datetime.datetime, last: datetime.datetime, step: str) -> list[datetime.datetime]:
    """Return the beginnings of all hours, days or months from the one of `first` to that of `last`, in its zone."""
    found, begins = [], _start(first, step)
    while begins <= last:
        found.append(begins)
        begins = _next(begins, step)
    return found


def _start(moment: datetime.datetime, step: str) -> datetime.datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = hour if step == "hour" else hour.replace(hour=0, fold=0)
    return day.replace(day=1) if step == "month" else day


def _next(begins: datetime.datetime, step: str) -> datetime.datetime:
    """Return the next: hours last an hour; days and months follow the calendar, also where the clock is changed."""
    if step == "hour":
        return (begins.astimezone(datetime.UTC) + datetime.timedelta(hours=1)).astimezone(begins.tzinfo)
    day = begins.date() + datetime.timedelta(days=1 if step == "day" else 32)
    return _start(datetime.datetime.combine(day, datetime.time(), begins.tzinfo), step)


def label(begins: datetime.datetime, step: str) -> str:
    """Return a period's name in a table; an hour outside UTC says its offset, since one comes twice a year."""
    offset = f" {begins:%z}" if step == "hour" and begins.tzinfo is not datetime.UTC else ""
    return begins.strftime(FORMATS[step]) + offset


def ticks(times: Sequence[datetime.datetime]) -> list[tuple[int, str, bool]]:
    """Return the index of each period with a tick, its label, and whether it is left out on a narrow screen."""
    for rule in RULES:
        found = [index for index, time in enumerate(times) if rule(time)]
        if len(found) <= MOST_TICKS:
            break
    every = -(-len(found) // MOST_NARROW)
    return [(index, _words(times[index], position == 0), position % every > 0)
            for position, index in enumerate(found)]


def _words(time: datetime.datetime, is_first: bool) -> str:
    """Return a date at midnight, otherwise the clock; the first has its date or year in any case."""
    date = f"{time:%b} {time.day}"
    if time.hour:
        return f"{date}, {time:%H:%M}" if is_first else f"{time:%H:%M}"
    return f"{date}, {time.year}" if is_first else date
