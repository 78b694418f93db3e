"""What came in, straight from the files: DuckDB reads them, plain, compressed and growing.

The only module that knows DuckDB, which is an extra of the package. Times are UTC, and those of receiving:
an associated device repeats an old `seenTime` for hours.
"""
from __future__ import annotations

import dataclasses
import datetime
import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from presence_receiver.errors import ConfigError, Refused
from presence_receiver.storage import closed_at

HOURS_SHOWN = 10 * 24
"""Longer times are shown day by day."""
BIN = 5
"""Width of a bar of the RSSI histogram, in dBm."""

COLUMNS = {
    "receivedAt": "TIMESTAMP", "apMac": "VARCHAR", "clientMac": "VARCHAR", "ssid": "VARCHAR", "rssi": "INTEGER",
    "manufacturer": "VARCHAR", "x": "DOUBLE", "y": "DOUBLE",
    "deviceObservers": "STRUCT(apMac VARCHAR, rssi INTEGER)[]",
}
READ = f"""
    CREATE TEMP TABLE seen AS SELECT
        receivedAt, hash(clientMac) AS device, manufacturer, ssid, x, y,
        coalesce(apMac, list_reverse_sort([{{'r': o.rssi, 'm': o.apMac}} FOR o IN deviceObservers])[1].m) AS ap,
        coalesce(rssi, list_max([o.rssi FOR o IN deviceObservers])) AS rssi
    FROM read_json($paths, format = 'newline_delimited', columns = {COLUMNS}, ignore_errors = true,
        maximum_object_size = 67108864)
    WHERE receivedAt >= $since"""
KEYS = {
    "hour": "strftime(date_trunc('hour', receivedAt), '%Y-%m-%d %H:00')", "ap": "ap", "ssid": "ssid",
    "manufacturer": "manufacturer",
}
FIGURES = """count(DISTINCT device), count(*), count(DISTINCT device) FILTER (ssid IS NOT NULL),
    median(rssi)::INTEGER"""


@dataclasses.dataclass(frozen=True)
class Row:
    """What was seen in one hour, by one access point …; `associated` counts devices, `rssi` is the median."""

    name: str | None
    devices: int
    observations: int
    associated: int
    rssi: int | None


@dataclasses.dataclass(frozen=True)
class Heat:
    """How many devices each access point saw in each hour or day."""

    names: list[str]
    cells: dict[tuple[str, datetime.datetime], int]


@dataclasses.dataclass(frozen=True)
class Square:
    """How many observations there were in a square, all in metres; `x` and `y` are its least."""

    x: float
    y: float
    side: float
    count: int


class Report:
    """Answers from the lines of some files that were received since a moment."""

    def __init__(self, paths: Sequence[Path], since: datetime.datetime | None = None) -> None:
        try:
            import duckdb
        except ImportError:
            raise ConfigError("DuckDB is missing: pip install 'presence-receiver[report]'.") from None
        start = (since or datetime.datetime.fromtimestamp(0, datetime.UTC)).astimezone(datetime.UTC)
        names = [str(path) for path in paths if not _is_older(path, start)]
        if not names:
            raise Refused("There are no files to report on: give FILES, or the receiver's folder as --data-dir.")
        self._database = duckdb.connect()
        self._database.execute("SET temp_directory = $folder", {"folder": tempfile.gettempdir()})
        try:
            self._database.execute(READ, {"paths": names, "since": start.replace(tzinfo=None)})
        except duckdb.IOException as error:
            raise Refused(f"The files cannot be read: {str(error).splitlines()[0]}") from None

    def _rows(self, query: str, *values: Any) -> list[Any]:
        found: list[Any] = self._database.execute(query, values).fetchall()
        return found

    def total(self) -> Row:
        """Of everything."""
        return Row("total", *self._rows(f"SELECT {FIGURES} FROM seen")[0])

    def span(self) -> tuple[datetime.datetime, datetime.datetime] | None:
        """When the first and the last line were received; None without lines."""
        [(first, last)] = self._rows("SELECT min(receivedAt), max(receivedAt) FROM seen")
        return (first, last) if first else None

    def by(self, what: str) -> list[Row]:
        """A row for each hour, in order, or each `ap`, `ssid` or `manufacturer`, most devices first."""
        order = "1" if what == "hour" else "2 DESC, 3 DESC, 1"
        return [Row(*row) for row in self._rows(
            f"SELECT {KEYS[what]}, {FIGURES} FROM seen GROUP BY 1 ORDER BY {order}")]

    def rssi(self) -> list[tuple[int, int]]:
        """How many observations in each range of signal strength, by the range's lower end, weakest first."""
        return self._rows(f"""SELECT (floor(rssi / {BIN}.0) * {BIN})::INTEGER, count(*) FROM seen
            WHERE rssi IS NOT NULL GROUP BY 1 ORDER BY 1""")

    def heat(self, most: int) -> Heat:
        """For the access points that saw most devices, at each of the `times`."""
        names = sorted(row.name for row in self.by("ap")[:most] if row.name)
        cells = self._rows(f"""SELECT ap, date_trunc('{self._step}', receivedAt), count(DISTINCT device)
            FROM seen WHERE ap IN (SELECT unnest(?)) GROUP BY 1, 2""", names)
        return Heat(names, {(name, time): count for name, time, count in cells})

    def times(self) -> list[datetime.datetime]:
        """Each hour, or each day where it is long, without gaps."""
        return [time for (time,) in self._rows(f"""SELECT unnest(generate_series(
            date_trunc('{self._step}', min(receivedAt)), max(receivedAt), INTERVAL 1 {self._step})) FROM seen""")]

    def devices(self) -> dict[datetime.datetime, int]:
        """How many devices at each of the `times`; those without any are left out."""
        return dict(self._rows(f"""SELECT date_trunc('{self._step}', receivedAt), count(DISTINCT device)
            FROM seen GROUP BY 1"""))

    @functools.cached_property
    def _step(self) -> str:
        span = self.span()
        return "day" if span and span[1] - span[0] > datetime.timedelta(hours=HOURS_SHOWN) else "hour"

    def positions(self, cells: int) -> list[Square]:
        """Where associated devices were; `cells` squares make up the longer side.

        The coordinates of other devices are their access point's, and 0, 0 is unset.
        """
        return [Square(*row) for row in self._rows("""
            WITH placed AS (SELECT x, y FROM seen WHERE ssid IS NOT NULL AND isfinite(x) AND isfinite(y)
                            AND NOT (x = 0 AND y = 0)),
            size AS (SELECT greatest(max(x) - min(x), max(y) - min(y), 1) / ? AS side FROM placed)
            SELECT floor(x / side) * side, floor(y / side) * side, any_value(side), count(*)
            FROM placed, size GROUP BY 1, 2""", cells)]


def _is_older(path: Path, moment: datetime.datetime) -> bool:
    """Whether a file was closed before that moment, by its name."""
    closed = closed_at("presence", path.name)
    return closed is not None and closed < moment
