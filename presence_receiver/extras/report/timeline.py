"""Hours, days or months without gaps, and what was seen in each: by all, and by each access point."""
from __future__ import annotations

import dataclasses
import datetime
import functools
from collections.abc import Sequence

from presence_receiver.extras.report.lines import Lines
from presence_receiver.extras.report.periods import label

FIGURES = """count(DISTINCT device), count(DISTINCT device) FILTER (is_randomised), count(*),
    count(DISTINCT device) FILTER (ssid IS NOT NULL), round(median(rssi))::INTEGER"""
QUARTER = "time_bucket(INTERVAL 15 MINUTE, receivedAt)"
QUARTERS = """CREATE TEMP TABLE quarters_{step} AS SELECT quarter, period
    FROM (SELECT DISTINCT {quarter} AS quarter FROM seen)
    ASOF JOIN (SELECT unnest($1) AS start, generate_subscripts($1, 1) - 1 AS period) ON quarter >= start"""
"""In which period each quarter of an hour lies, by its index; see `periods.QUARTER`."""
HEAT = """CREATE TEMP TABLE heat_{step} AS SELECT ap, period, count(DISTINCT device) AS devices,
    count(DISTINCT device) FILTER (is_randomised) AS randomised FROM {seen} GROUP BY 1, 2"""
AMONG = "coalesce(ap, '') IN (SELECT unnest($1::VARCHAR[]))"
"""Whether a row is of one of those access points; see `among`."""

Names = Sequence[str | None]
Heat = dict[tuple[str | None, int], tuple[int, int]]
"""Devices, and how many of them have a randomised address, by access point and index of the period."""


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


def among(names: Names) -> list[str]:
    """Return what AMONG wants: an access point that is not known has no name."""
    return [name or "" for name in names]


class Timeline:
    """What was seen in each period; `step` is hour, day or month, `times` are the beginnings of all of them."""

    def __init__(self, lines: Lines, step: str, times: Sequence[datetime.datetime]) -> None:
        self.step, self.times, self._lines = step, times, lines
        starts = [time.astimezone(datetime.UTC).replace(tzinfo=None) for time in times]
        lines.rows(QUARTERS.format(step=step, quarter=QUARTER), starts)
        self._seen = f"seen JOIN quarters_{step} ON {QUARTER} = quarter"

    @functools.cached_property
    def rows(self) -> list[Row]:
        """Return a row for each period, in order; those without lines have no observations."""
        found = {row[0]: row[1:] for row in self._lines.rows(f"SELECT period, {FIGURES} FROM {self._seen} GROUP BY 1")}
        return [Row(label(time, self.step), *found.get(index, (0, 0, 0, 0, None)))
                for index, time in enumerate(self.times)]

    @functools.cached_property
    def _heat(self) -> str:
        """Make the table of what each access point saw in each period, and return its name."""
        self._lines.rows(HEAT.format(step=self.step, seen=self._seen))
        return f"heat_{self.step}"

    @functools.cached_property
    def counts(self) -> dict[int, int]:
        """Return of how many periods and access points there were how many devices."""
        return dict(self._lines.rows(f"SELECT devices, count(*) FROM {self._heat} GROUP BY 1"))

    def heat(self, names: Names) -> Heat:
        """Return how many devices each of them saw in each period, and how many of these were randomised."""
        return {(name, index): (devices, randomised) for name, index, devices, randomised in
                self._lines.rows(f"SELECT * FROM {self._heat} WHERE {AMONG}", among(names))}
