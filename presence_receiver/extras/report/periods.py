"""Hours, days and months of a time zone without gaps, their names, and where an axis of them has its ticks."""
from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

HOURS_SHOWN, DAYS_SHOWN = datetime.timedelta(days=10), datetime.timedelta(days=400)
"""What is longer is shown day by day, or month by month."""
MOST_TICKS, MOST_NARROW = 12, 4
FORMATS = {"hour": "%Y-%m-%d %H:%M", "day": "%Y-%m-%d", "month": "%Y-%m"}

QUARTER = datetime.timedelta(minutes=15)
"""All in one is of one period: the offset of every zone is a multiple of it, no clock is changed within one now."""
KEYS: dict[str, Callable[[datetime.datetime], object]] = {
    "hour": lambda time: (time.date(), time.hour, time.utcoffset()),
    "day": lambda time: time.date(),
    "month": lambda time: (time.year, time.month),
}
"""What all times of an hour, a day or a month have in common; an hour that comes twice is two."""
SHORTEST = {"hour": QUARTER, "day": datetime.timedelta(hours=20), "month": datetime.timedelta(days=27)}
"""No period that begins with midnight, or the first of a month, is shorter, wherever the clock is changed."""


def _begins_day(time: datetime.datetime) -> bool:
    """Return whether it was another day before; where the clock is set from midnight to one, that is at one."""
    before = (time.astimezone(datetime.UTC) - QUARTER).astimezone(time.tzinfo)
    return before.date() != time.date()


RULES: list[Callable[[datetime.datetime], bool]] = [
    lambda time: True,
    lambda time: time.hour % 3 == 0 or _begins_day(time),
    lambda time: time.hour % 6 == 0 or _begins_day(time),
    _begins_day,
    lambda time: _begins_day(time) and time.weekday() == 0,
    lambda time: _begins_day(time) and time.day == 1,
    lambda time: _begins_day(time) and time.day == 1 and time.month % 3 == 1,
    lambda time: _begins_day(time) and time.day == time.month == 1,
]
"""Which periods have a tick: the first rule that gives a dozen at most is taken."""


def fitting(span: datetime.timedelta) -> str:
    """Return the step in which so long a time can be shown."""
    return "hour" if span <= HOURS_SHOWN else "day" if span <= DAYS_SHOWN else "month"


def periods(first: datetime.datetime, last: datetime.datetime, step: str) -> list[datetime.datetime]:
    """Return the beginnings of all hours, days or months from the one of `first` to that of `last`, in its zone.

    They are looked for in steps of a quarter of an hour of UTC: no wall clock is compared or counted with, since some
    of its times come twice, and some not at all.
    """
    zone, end, moment = first.tzinfo, last.astimezone(datetime.UTC), first.astimezone(datetime.UTC)

    def key(moment: datetime.datetime) -> object:
        return KEYS[step](moment.astimezone(zone))

    moment -= (moment - datetime.datetime.min.replace(tzinfo=datetime.UTC)) % QUARTER
    while key(moment - QUARTER) == key(moment):
        moment -= QUARTER
    found = []
    while moment <= end:
        found.append(moment.astimezone(zone))
        moment += SHORTEST[step]
        while key(moment) == KEYS[step](found[-1]):
            moment += QUARTER
    return found


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
    """Return a date where a day begins, otherwise the clock; the first has its date or year in any case."""
    date = f"{time:%b} {time.day}"
    if not _begins_day(time):
        return f"{date}, {time:%H:%M}" if is_first else f"{time:%H:%M}"
    return f"{date}, {time.year}" if is_first else date
