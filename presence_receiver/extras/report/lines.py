"""Reads files of lines into DuckDB, plain, compressed and growing, and says what in them is no line.

The only module that knows DuckDB, which is an extra of the package.
"""
from __future__ import annotations

import dataclasses
import datetime
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from presence_receiver.errors import ConfigError, Refused
from presence_receiver.storage import closed_at

COLUMNS = {
    "receivedAt": "TIMESTAMP", "apMac": "VARCHAR", "clientMac": "VARCHAR", "ssid": "VARCHAR", "rssi": "INTEGER",
    "manufacturer": "VARCHAR", "x": "DOUBLE", "y": "DOUBLE",
    "randomised": "VARCHAR", "deviceObservers": "STRUCT(apMac VARCHAR, rssi INTEGER)[]",
}
FROM_FILES = """FROM read_json($paths, format = 'newline_delimited', columns = {columns}, ignore_errors = true,
    filename = true, maximum_object_size = 67108864)"""
END = "9999-01-01"
"""Later times are none: Python has no year 10,000, in which an hour or a day may end somewhere."""
IS_MAC = "(length(clientMac) = 12 OR clientMac[3] IN (':', '-'))"
"""A longer clientMac is a hash; where the receiver made it, the line tells in `randomised` what the address told."""
READ = f"""
    CREATE TEMP TABLE found AS SELECT
        receivedAt, hash(clientMac) AS device, manufacturer, ssid, x, y, filename,
        receivedAt IS NOT NULL AND receivedAt < TIMESTAMP '{END}' AND clientMac IS NOT NULL AS is_line,
        NOT {IS_MAC} AND randomised IS NULL AS is_hashed,
        CASE WHEN {IS_MAC} THEN clientMac[2] IN ('2', '6', 'a', 'A', 'e', 'E') ELSE coalesce(randomised = 'true', false)
            END AS is_randomised,
        coalesce(apMac, list_reverse_sort([{{'r': o.rssi, 'm': o.apMac}} FOR o IN deviceObservers])[1].m) AS ap,
        coalesce(rssi, list_max([o.rssi FOR o IN deviceObservers])) AS rssi
    {FROM_FILES.format(columns=COLUMNS)}"""
MISSING = (f"DuckDB is missing; this brings it: {sys.executable} -m pip install -r "
           "presence_receiver/extras/report/requirements.txt")

SEEN = "CREATE TEMP VIEW seen AS SELECT * FROM found WHERE is_line AND receivedAt >= TIMESTAMP '{}'"


@dataclasses.dataclass(frozen=True)
class Source:
    """A file that was read: how many of its lines count, how many are too old, how many are no presence lines."""

    path: str
    lines: int
    older: int
    skipped: int


def skipped(count: int, of: str = "") -> str:
    """Return in words how many lines do not count."""
    return (f"{count:,}{of} lines are unfinished or no presence lines and were skipped" if count > 1 else
            f"{count:,}{of and f'{of} lines' or ' line'} is unfinished or no presence line and was skipped")


class Lines:
    """The lines of some files in a table `found`, and those received since a moment in a view `seen`.

    `names` has other names for some paths.
    Raises ConfigError without DuckDB, and Refused where there is no file or one cannot be read.
    """

    def __init__(self, paths: Sequence[Path], since: datetime.datetime | None = None,
                 names: Mapping[str, str] | None = None) -> None:
        try:
            import duckdb
        except ImportError:
            raise ConfigError(MISSING) from None
        if not paths:
            raise Refused("There are no files to report on: give FILES, or the receiver's folder as --data-dir.")
        start = (since or datetime.datetime.fromtimestamp(0, datetime.UTC)).astimezone(datetime.UTC)
        self._since = start.replace(tzinfo=None)
        self._failures = duckdb.IOException
        self._database = duckdb.connect()
        self._database.execute("SET temp_directory = $folder", {"folder": tempfile.gettempdir()})
        read = [path for path in paths if not _is_older(path, start)] or paths[-1:]
        self._names = {str(path): str(path) for path in read} | dict(names or {})
        self.unread = len(paths) - len(read)
        self._load(READ, read)
        self._database.execute(SEEN.format(self._since.isoformat(" ")))

    def _load(self, statement: str, paths: Sequence[Path]) -> None:
        try:
            names = [os.devnull if _is_empty(path) else str(path) for path in paths]
            self._database.execute(statement, {"paths": names})
        except self._failures as error:
            raise Refused(f"The files cannot be read: {str(error).splitlines()[0]}") from None

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return what a query finds, as tuples."""
        found: list[Any] = self._database.execute(query, values).fetchall()
        return found

    def sources(self) -> list[Source]:
        """Return the files that were read, in the order in which they were given."""
        counts = {path: numbers for path, *numbers in self.rows("""
            SELECT filename, count(*) FILTER (is_line AND receivedAt >= $1),
                count(*) FILTER (is_line AND receivedAt < $1), count(*) FILTER (NOT is_line)
            FROM found GROUP BY 1""", self._since)}
        return [Source(name, *counts.get(path, (0, 0, 0))) for path, name in self._names.items()]

    def refuse_strangers(self) -> None:
        """Raise Refused where a file has something in it and no presence line at all."""
        strangers = [source.path for source in self.sources() if source.skipped and not source.lines + source.older]
        if strangers:
            raise Refused(f"{', '.join(strangers)}: no presence line is in it. Give files such as presence.jsonl.")

    def errors(self, paths: Sequence[Path]) -> list[tuple[str, int]]:
        """Return the `errors` of rejected lines as JSON text, and how many have them; all from the moment on."""
        if not paths:
            return []
        columns = {"receivedAt": "TIMESTAMP", "errors": "VARCHAR"}
        self._load(f"CREATE OR REPLACE TEMP TABLE rejected AS SELECT * {FROM_FILES.format(columns=columns)}", paths)
        return self.rows("""SELECT errors, count(*) FROM rejected
            WHERE receivedAt >= ? AND errors IS NOT NULL GROUP BY 1""", self._since)


def _is_empty(path: Path) -> bool:
    """Return whether it should be compressed and nothing is in it, which DuckDB takes for broken."""
    return path.suffix == ".gz" and path.is_file() and path.stat().st_size == 0


def _is_older(path: Path, moment: datetime.datetime) -> bool:
    """Return whether a file was closed before that moment, by its name."""
    closed = closed_at("presence", path.name)
    return closed is not None and closed < moment
