"""Hours, days and months of a time zone without gaps, their names, and where an axis of them has its ticks."""
from __future__ import annotations

import datetime
import functools
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


def _begins_year(time: datetime.datetime, every: int = 1) -> bool:
    return _begins_day(time) and time.day == time.month == 1 and time.year % every == 0


Rule = Callable[[datetime.datetime], bool]
CLOCK: list[Rule] = [lambda time: True, *(
    functools.partial(lambda hours, time: time.hour % hours == 0 or _begins_day(time), hours) for hours in (3, 6))]
DAYS: list[Rule] = [
    _begins_day,
    lambda time: _begins_day(time) and time.weekday() == 0,
    lambda time: _begins_day(time) and time.day == 1,
    lambda time: _begins_day(time) and time.day == 1 and time.month % 3 == 1,
]
MONTHS: list[Rule] = [lambda time: True, lambda time: time.month % 3 == 1]
YEARS: list[Rule] = [functools.partial(_begins_year, every=years) for years in (1, 2, 5, 10, 20)]
RULES = {"hour": [*CLOCK, *DAYS, *YEARS], "day": [*DAYS, *YEARS], "month": [*MONTHS, *YEARS]}
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


def ticks(times: Sequence[datetime.datetime], step: str) -> list[tuple[int, str, bool]]:
    """Return the index of each period with a tick, its label, and whether it is left out on a narrow screen."""
    for rule in RULES[step]:
        found = [index for index, time in enumerate(times) if rule(time)]
        if len(found) <= MOST_TICKS:
            break
    every, named = -(-len(found) // MOST_NARROW), "year" if rule in YEARS else step
    told = []
    for position, index in enumerate(found):
        is_left_out = position % every > 0
        before = [times[found[position - back]].year for back in ([1] if is_left_out else [1, every]) if position]
        is_new_year = any(year != times[index].year for year in before)
        told.append((index, _words(times[index], named, position == 0, is_new_year), is_left_out))
    return told


def _words(time: datetime.datetime, named: str, is_first: bool, is_new_year: bool) -> str:
    """Return the year, the month, a date where a day begins, otherwise the clock; with the year where it is another."""
    year, is_told = time.year, is_first or is_new_year
    if named == "year":
        return f"{year}"
    if named == "month":
        return f"{time:%b} {year}" if is_told else f"{time:%b}"
    date = f"{time:%b} {time.day}"
    if not _begins_day(time):
        return f"{date}, {time:%H:%M}" if is_first else f"{time:%H:%M}"
    return f"{date}, {year}" if is_told else date
