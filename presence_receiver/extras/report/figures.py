"""Every figure of the report, asked of the lines.

Times are those of receiving: an associated device repeats an old `seenTime` for hours.
"""
from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from presence_receiver.extras.report.lines import Lines
from presence_receiver.extras.report.periods import fitting, label, periods

BIN = 5
"""Width of a bar of the RSSI histogram, in dBm."""
CELLS = 30
"""How many squares make up the longer side of a map, at most about."""
MOST_SQUARES = 20_000
"""On all maps together, about 6 MB of the page; with more, 200 access points and a week made 40 MB."""

FIGURES = """count(DISTINCT device), count(DISTINCT device) FILTER (is_randomised), count(*),
    count(DISTINCT device) FILTER (ssid IS NOT NULL), round(median(rssi))::INTEGER"""
QUARTER = "time_bucket(INTERVAL 15 MINUTE, receivedAt)"
"""The offset of every time zone is a multiple of it, so each quarter of an hour lies in one period."""
PERIODS = f"""CREATE OR REPLACE TEMP TABLE quarters AS SELECT quarter, period
    FROM (SELECT DISTINCT {QUARTER} AS quarter FROM seen) ASOF JOIN (SELECT unnest(?) AS period) ON quarter >= period"""
IN_PERIODS = f"seen JOIN quarters ON {QUARTER} = quarter"
PLACED = "isfinite(x) AND isfinite(y) AND NOT (x = 0 AND y = 0)"
"""0, 0 is unset."""

Heat = dict[tuple[str | None, datetime.datetime], tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Row:
    """What was seen in one hour, by one access point …; all but `observations` and `rssi` count distinct devices.

    `randomised` addresses have the local bit, `associated` devices an SSID, `rssi` is the median in dBm.
    """

    name: str | None
    devices: int
    randomised: int
    observations: int
    associated: int
    rssi: int | None


@dataclasses.dataclass(frozen=True)
class Map:
    """Where associated devices were on an access point's plan, in metres from its left and lower edge.

    `squares` has how many observations there were by the least x and y of each square; `mark` is the access point.
    """

    name: str | None
    mark: tuple[float, float] | None
    squares: dict[tuple[float, float], int]


class Report:
    """Answers from the lines of some files; the time zone says where hours and days begin.

    `rejected` are the files of rejected lines; None where nobody knows them.
    """

    def __init__(self, lines: Lines, zone: datetime.tzinfo = datetime.UTC, step: str | None = None,
                 rejected: Sequence[Path] | None = None) -> None:
        self.lines, self.zone, self._rejected = lines, zone, rejected
        self.sources = lines.sources()
        span = self.span()
        self.step = step or fitting(span[1] - span[0] if span else datetime.timedelta())
        self.times = periods(*span, self.step) if span else []
        starts = [time.astimezone(datetime.UTC).replace(tzinfo=None) for time in self.times]
        lines.rows(PERIODS, starts or [datetime.datetime(1970, 1, 1)])
        self._of_start = dict(zip(starts, self.times, strict=True))

    def total(self) -> Row:
        """Return the figures of everything."""
        return Row("total", *self.lines.rows(f"SELECT {FIGURES} FROM seen")[0])

    def hashed(self) -> int:
        """Return how many devices have a hash for an address, of which nobody can see whether it was randomised."""
        return int(self.lines.rows("SELECT count(DISTINCT device) FROM seen WHERE is_hashed")[0][0])

    def span(self) -> tuple[datetime.datetime, datetime.datetime] | None:
        """Return when the first and the last line were received; None without lines."""
        [(first, last)] = self.lines.rows("SELECT min(receivedAt), max(receivedAt) FROM seen")
        return (self._local(first), self._local(last)) if first else None

    def _local(self, moment: datetime.datetime) -> datetime.datetime:
        return moment.replace(tzinfo=datetime.UTC).astimezone(self.zone)

    @functools.cached_property
    def over_time(self) -> list[Row]:
        """Return a row for each period, in order; those without lines have no observations."""
        found = {row[0]: row[1:] for row in self.lines.rows(
            f"SELECT period, {FIGURES} FROM {IN_PERIODS} GROUP BY 1")}
        return [Row(label(time, self.step), *found.get(start, (0, 0, 0, 0, None)))
                for start, time in self._of_start.items()]

    def by(self, what: str) -> list[Row]:
        """Return a row for each `ap`, `ssid` or `manufacturer`, most devices first; for others, for each period."""
        if what not in ("ap", "ssid", "manufacturer"):
            return self.over_time
        return [Row(*row) for row in self.lines.rows(
            f"SELECT {what}, {FIGURES} FROM seen GROUP BY 1 ORDER BY 2 DESC, 4 DESC, 1")]

    def rssi(self) -> list[tuple[int, int]]:
        """Return the observations in each range of signal strength, by its lower end, weakest first, no gaps."""
        found = dict(self.lines.rows(f"""SELECT (floor(rssi / {BIN}.0) * {BIN})::INTEGER, count(*) FROM seen
            WHERE rssi IS NOT NULL GROUP BY 1"""))
        return [(low, found.get(low, 0)) for low in range(min(found), max(found) + BIN, BIN)] if found else []

    def heat(self) -> Heat:
        """Return how many devices each access point saw in each period, and how many of them were randomised."""
        return {(name, self._of_start[start]): (devices, randomised) for name, start, devices, randomised in
                self.lines.rows(f"""SELECT ap, period, count(DISTINCT device),
                    count(DISTINCT device) FILTER (is_randomised) FROM {IN_PERIODS} GROUP BY 1, 2""")}

    def maps(self) -> tuple[float, list[Map]]:
        """Return a square's side in metres, a round number, and a map for each access point, most observations first.

        The coordinates of devices that are not associated are their access point's, which is how its own are known.
        """
        side = self._side()
        squares: dict[Any, dict[tuple[float, float], int]] = {}
        for name, x, y, count in self.lines.rows(f"""
                SELECT ap, floor(x / $1) * $1, floor(y / $1) * $1, count(*) FROM seen
                WHERE ssid IS NOT NULL AND {PLACED} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""", side):
            squares.setdefault(name, {})[x, y] = count
        marks = {name: tuple(place) for name, *place in self.lines.rows(f"""
            SELECT ap, x, y FROM seen WHERE ssid IS NULL AND {PLACED} GROUP BY 1, 2, 3
            QUALIFY row_number() OVER (PARTITION BY ap ORDER BY count(*) DESC, x, y) = 1""")}
        found = sorted(squares.items(), key=lambda item: (-sum(item[1].values()), str(item[0])))
        return side, [Map(name, marks.get(name), cells) for name, cells in found]

    def _side(self) -> float:
        """Return a round number: a usual map has at most CELLS to a side then, and all have at most MOST_SQUARES."""
        [(extent,)] = self.lines.rows(f"""SELECT median(extent) FROM (
            SELECT greatest(max(x) - min(x), max(y) - min(y)) AS extent
            FROM seen WHERE ssid IS NOT NULL AND {PLACED} GROUP BY ap)""")
        extent = extent or 0
        return next(side for side in _round_numbers() if side * CELLS >= extent
                    and (side > extent or self._square_count(side) <= MOST_SQUARES))

    def _square_count(self, side: float) -> int:
        [(count,)] = self.lines.rows(f"""SELECT count(*) FROM (SELECT DISTINCT ap, floor(x / $1), floor(y / $1)
            FROM seen WHERE ssid IS NOT NULL AND {PLACED})""", side)
        return int(count)

    def rejected(self) -> list[tuple[str, int]] | None:
        """Return how many lines were rejected for each reason, most first; a line may have several."""
        if self._rejected is None:
            return None
        reasons: Counter[str] = Counter()
        for errors, count in self.lines.errors(self._rejected):
            reasons.update(dict.fromkeys(_reasons(json.loads(errors)), count))
        return sorted(reasons.items(), key=lambda item: (-item[1], item[0]))


def _round_numbers() -> Iterator[float]:
    """Yield half a metre, 1, 2, 5, 10, 20, 50 …"""
    yield 0.5
    power = 1
    while True:
        yield from (unit * power for unit in (1.0, 2.0, 5.0))
        power *= 10


def _reasons(errors: Any, field: str = "") -> Iterator[str]:
    """Yield the field and the message of each error in marshmallow's tree, without indexes and positions."""
    if isinstance(errors, dict):
        for key, below in errors.items():
            is_place = key.isdigit() or key in ("observations", "_schema")
            yield from _reasons(below, field if is_place else f"{field}.{key}" if field else key)
    elif isinstance(errors, list):
        for below in errors:
            yield from _reasons(below, field)
    else:
        words = re.sub(r" at byte \d+", "", str(errors))
        yield f"{field}: {words}" if field else words
