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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from presence_receiver.errors import Refused
from presence_receiver.extras.report.files import of_folder
from presence_receiver.extras.report.lines import Lines, Source
from presence_receiver.extras.report.periods import FORMATS, fitting, periods
from presence_receiver.extras.report.places import Places
from presence_receiver.extras.report.timeline import FIGURES, Row, Timeline
from presence_receiver.mask import one_line

BIN = 5
"""Width of a bar of the RSSI histogram, in dBm."""
UNKNOWN = "not known"
UNNAMED = {"ap": UNKNOWN, "ssid": "not associated", "manufacturer": UNKNOWN}
"""What stands where the lines have no name."""
EMPTY = '""'
"""What stands where nothing of the name can be seen, as of a network that does not tell its name."""
STEPS = [*FORMATS]
MOST_CELLS = 80_000
"""Of a heat map, about 13 MB of the page: 10,000 access points and a week's days; their hours made 250 MB."""

MOST_HOURS = datetime.timedelta(hours=100_000)
"""Eleven years, and more than fits a page: an hour each since 1970, where one clock once was, made 109 MB."""

Moments = tuple[datetime.datetime, datetime.datetime]


@dataclasses.dataclass(frozen=True)
class Rejected:
    """How many lines were rejected, how many for each reason, most first, and the files; a line may have several.

    `too_old` files were closed before the time asked for and not read.
    """

    lines: int
    reasons: list[tuple[str, int]]
    sources: list[Source]
    too_old: int


class Report:
    """Answers from the lines of some files; the time zone says where hours, days and months begin.

    `shown` are the moments from which and to which, None for those of the first and the last line; `since` is what was
    asked for. `folder` is the receiver's, which has the rejected lines too; None where nobody knows it.
    """

    def __init__(self, lines: Lines, zone: datetime.tzinfo = datetime.UTC, step: str | None = None,
                 folder: Path | None = None, shown: Moments | None = None) -> None:
        self.lines, self.zone, self._folder = lines, zone, folder
        self.span = self._span()
        self.since = lines.since and lines.since.astimezone(zone)
        self._shown = self._both(shown)
        self.step = step or (fitting(self._shown[1] - self._shown[0]) if self._shown else STEPS[0])
        if step == "hour" and self._shown and self._shown[1] - self._shown[0] > MOST_HOURS:
            first, last = (f"{moment:%Y-%m-%d}" for moment in self._shown)
            raise Refused(f"{first} to {last} are too many hours for a report: give --since, or --by day.")
        self._timelines: dict[str, Timeline] = {}
        self.timeline = self._timeline(self.step)

    def _span(self) -> Moments | None:
        """Return when the first and the last line were received; None without lines."""
        [(first, last)] = self.lines.rows("SELECT min(receivedAt), max(receivedAt) FROM seen")
        return (self._local(first), self._local(last)) if first else None

    def _both(self, shown: Moments | None) -> Moments | None:
        """Return what is shown, up to the last line where its clock was ahead of ours."""
        if shown is None:
            return self.span
        return shown[0].astimezone(self.zone), max(shown[1], *(self.span or shown)).astimezone(self.zone)

    def _local(self, moment: datetime.datetime) -> datetime.datetime:
        return moment.replace(tzinfo=datetime.UTC).astimezone(self.zone)

    def timeline_for(self, count: int) -> Timeline:
        """Return the finest steps of which so many rows are no more than a page can carry."""
        steps = STEPS[STEPS.index(self.step):]
        fine = (step for step in steps if count * len(self._timeline(step).times) <= MOST_CELLS)
        return self._timeline(next(fine, steps[-1]))

    def _timeline(self, step: str) -> Timeline:
        if step not in self._timelines:
            self._timelines[step] = Timeline(
                self.lines, step, periods(*self._shown, step) if self._shown else [])
        return self._timelines[step]

    def total(self) -> Row:
        """Return the figures of everything."""
        return Row("total", *self.lines.rows(f"SELECT {FIGURES} FROM seen")[0])

    def hashed(self) -> int:
        """Return how many devices have a hash for an address, of which nobody can see whether it was randomised."""
        return int(self.lines.rows("SELECT count(DISTINCT device) FROM seen WHERE is_hashed")[0][0])

    def by(self, what: str) -> list[Row]:
        """Return a row for each `ap`, `ssid` or `manufacturer`, most devices first; for others, for each period."""
        if what not in ("ap", "ssid", "manufacturer"):
            return self.timeline.rows
        return [Row(*row) for row in self.lines.rows(
            f"SELECT {what}, {FIGURES} FROM seen GROUP BY 1 ORDER BY 2 DESC, 4 DESC, 1")]

    def rssi(self) -> list[tuple[int, int]]:
        """Return the observations in each range of signal strength, by its lower end, weakest first, no gaps."""
        found = dict(self.lines.rows(f"""SELECT (floor(rssi / {BIN}.0) * {BIN})::INTEGER, count(*) FROM seen
            WHERE rssi IS NOT NULL GROUP BY 1"""))
        return [(low, found.get(low, 0)) for low in range(min(found), max(found) + BIN, BIN)] if found else []

    def places(self) -> Places:
        """Return where associated devices were."""
        return Places(self.lines)

    @functools.cached_property
    def rejected(self) -> Rejected | None:
        """Return what was rejected in the receiver's folder; None where that is not known."""
        if self._folder is None:
            return None
        with of_folder(self._folder, "rejected", self.since) as inputs:
            sources = self.lines.load_rejected(inputs)
        reasons: Counter[str] = Counter()
        for errors, count in self.lines.errors():
            reasons.update(dict.fromkeys(_reasons_in(errors), count))
        return Rejected(sum(source.lines for source in sources),
                        sorted(reasons.items(), key=lambda item: (-item[1], item[0])), sources, inputs.too_old)


def shown_name(name: str | None, unnamed: str = UNKNOWN) -> str:
    """Return what stands in a table or a plot for a name of the lines."""
    return unnamed if name is None else one_line(name).strip() or EMPTY


def _reasons_in(errors: str) -> set[str]:
    """Return the reasons that a line's errors tell; UNKNOWN where it is none of a receiver's."""
    try:
        return set(_reasons(json.loads(errors)))
    except (ValueError, RecursionError):
        return {UNKNOWN}


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
        words = one_line(re.sub(r" at byte \d+", "", str(errors)))
        yield f"{field}: {words}" if field else words
