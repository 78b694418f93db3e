"""Reads files of lines into DuckDB, plain, compressed and growing, and says what in them is no line.

The only module that knows DuckDB, which is an extra of the package.
"""
from __future__ import annotations

import dataclasses
import datetime
import glob
import gzip
import os
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from presence_receiver.errors import ConfigError, NotRead, Refused
from presence_receiver.storage import UNREADABLE, closed_at, why_unreadable

COLUMNS = {
    "receivedAt": "TIMESTAMP", "apMac": "VARCHAR", "clientMac": "VARCHAR", "ssid": "VARCHAR", "rssi": "INTEGER",
    "manufacturer": "VARCHAR", "x": "DOUBLE", "y": "DOUBLE",
    "randomised": "VARCHAR", "deviceObservers": "STRUCT(apMac VARCHAR, rssi INTEGER)[]",
}
REJECTED = {"receivedAt": "TIMESTAMP", "errors": "VARCHAR"}
FROM_FILES = """FROM read_json($paths, format = 'newline_delimited', columns = {columns}, ignore_errors = true,
    filename = true, maximum_object_size = 67108864)"""
END = "9999-01-01"
"""Later times are none: Python has no year 10,000, in which an hour or a day may end somewhere."""
IS_TIMED = f"receivedAt IS NOT NULL AND receivedAt < TIMESTAMP '{END}'"
ONE_SPELLING = "upper(CASE length({0}) WHEN 12 THEN {0} ELSE translate({0}, ':-', '') END)"
"""An address has the same digits in either case, with or without separators; the vendor's page and the wire differ. To
translate each, also those without separators, costs 0.6 us a line."""
READ = f"""
    CREATE TEMP TABLE found AS SELECT
        receivedAt, hash(address) AS device, manufacturer, ssid, x, y, filename,
        {IS_TIMED} AND address IS NOT NULL AS is_line,
        length(address) != 12 AND randomised IS NULL AS is_hashed,
        CASE WHEN length(address) = 12 THEN address[2] IN ('2', '6', 'A', 'E')
            ELSE coalesce(randomised = 'true', false) END AS is_randomised,
        {ONE_SPELLING.format('ap')} AS ap, CASE WHEN strength BETWEEN -128 AND 127 THEN strength END AS rssi
    FROM (SELECT *, coalesce(rssi, list_max([o.rssi FOR o IN deviceObservers])) AS strength,
        {ONE_SPELLING.format('clientMac')} AS address,
        coalesce(apMac, list_max([{{'r': coalesce(o.rssi, -999), 'm': o.apMac}} FOR o IN deviceObservers
            IF o.apMac IS NOT NULL]).m) AS ap
        {FROM_FILES.format(columns=COLUMNS)})"""
"""A longer address is a hash; where the receiver made it, the line tells in `randomised` what the address told. A file
that no receiver wrote may have any `rssi`."""
READ_REJECTED = f"""
    CREATE OR REPLACE TEMP TABLE rejected AS SELECT receivedAt, errors, filename,
        {IS_TIMED} AND errors IS NOT NULL AS is_line {FROM_FILES.format(columns=REJECTED)}"""
SEEN = "CREATE TEMP VIEW seen AS SELECT * FROM found WHERE is_line AND receivedAt >= TIMESTAMP '{}'"
MISSING = (f"DuckDB is missing; this brings it: {sys.executable} -m pip install -r "
           "presence_receiver/extras/report/requirements.txt")


@dataclasses.dataclass(frozen=True)
class Source:
    """A file that was read: how many of its lines count, how many are too old, how many are none of its kind."""

    path: str
    lines: int
    older: int
    skipped: int


def skipped(count: int, of: str = "", kind: str = "presence") -> str:
    """Return in words how many lines do not count."""
    return (f"{count:,}{of} lines are unfinished or no {kind} lines and were skipped" if count > 1 else
            f"{count:,}{of and f'{of} lines' or ' line'} is unfinished or no {kind} line and was skipped")


class Lines:
    """The lines of some files in a table `found`, and those received since a moment in a view `seen`.

    `names` has what to open, and what to call it. `faults` has a sentence for each file that is left out.
    Raises ConfigError without DuckDB, Refused where there is no file, NotRead where none can be read, and
    FileNotFoundError where one is gone.
    """

    def __init__(self, names: Mapping[str, str], since: datetime.datetime | None = None) -> None:
        try:
            import duckdb
        except ImportError:
            raise ConfigError(MISSING) from None
        if not names:
            raise Refused("There are no files to report on: give FILES, or the receiver's folder as --data-dir.")
        start = (since or datetime.datetime.fromtimestamp(0, datetime.UTC)).astimezone(datetime.UTC)
        self._since = start.replace(tzinfo=None)
        self._failures = duckdb.IOException
        self._database = duckdb.connect()
        self._database.execute("SET temp_directory = $folder", {"folder": tempfile.gettempdir()})
        read = {path: name for path, name in names.items() if not _is_older(name, start)} or dict([*names.items()][-1:])
        self.unread = len(names) - len(read)
        self.faults: list[str] = []
        self.sources = self._load("found", READ, read)
        if not self.sources:
            raise NotRead(*self.faults)
        self._database.execute(SEEN.format(self._since.isoformat(" ")))

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return what a query finds, as tuples."""
        found: list[Any] = self._database.execute(query, values).fetchall()
        return found

    def refuse_strangers(self) -> None:
        """Raise Refused where a file has something in it and no presence line at all."""
        strangers = [source.path for source in self.sources if source.skipped and not source.lines + source.older]
        if strangers:
            raise Refused(f"{', '.join(strangers)}: no presence line is in it. Give files such as presence.jsonl.")

    def load_rejected(self, names: Mapping[str, str]) -> list[Source]:
        """Let the rejected lines of those files be in a table `rejected`; `errors` is JSON text."""
        return self._load("rejected", READ_REJECTED, names)

    def _load(self, table: str, statement: str, names: Mapping[str, str]) -> list[Source]:
        """Let the files' lines be in a table, and return the files in their order; what cannot be read is left out."""
        names = self._whole(names)
        paths = [glob.escape(path) for path in names if not _is_empty(path)]
        try:
            with tempfile.NamedTemporaryFile() as nothing:  # for DuckDB reads no empty list
                self._database.execute(statement, {"paths": [nothing.name, *paths]})
        except self._failures as error:
            raise Refused(f"The files cannot be read: {str(error).splitlines()[0]}") from None
        counts = {path: numbers for path, *numbers in self.rows(f"""
            SELECT filename, count(*) FILTER (is_line AND receivedAt >= $1),
                count(*) FILTER (is_line AND receivedAt < $1), count(*) FILTER (NOT is_line)
            FROM {table} GROUP BY 1""", self._since)}
        return [Source(name, *counts.get(path, (0, 0, 0))) for path, name in names.items()]

    def _whole(self, names: Mapping[str, str]) -> Mapping[str, str]:
        """Return the files without those that cannot be read to their end."""
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            broken = {path: why for path, why in zip(names, threads.map(_why_broken, names), strict=True) if why}
        self.faults += [f"{names[path]} is left out, for it cannot be read to its end: {why}."
                        for path, why in broken.items()]
        return {path: name for path, name in names.items() if path not in broken}

    def errors(self) -> list[tuple[str, int]]:
        """Return the `errors` of the rejected lines from the moment on, and how many have them."""
        return self.rows("SELECT errors, count(*) FROM rejected WHERE is_line AND receivedAt >= ? GROUP BY 1",
                         self._since)


def _is_empty(path: str) -> bool:
    """Return whether it should be compressed and nothing is in it, which DuckDB takes for broken."""
    return path.endswith(".gz") and os.stat(path).st_size == 0


def _why_broken(path: str) -> str | None:
    """Return why a file cannot be read to its end, None where it can; FileNotFoundError where it is gone.

    DuckDB takes no notice of gzip's checksums, and some versions none of half a file either. zlib needs a second for a
    million lines.
    """
    try:
        with open(path, "rb") as raw, gzip.GzipFile(fileobj=raw) as file:
            while path.endswith(".gz") and file.read(1 << 20):
                pass
    except FileNotFoundError:
        raise
    except UNREADABLE as failure:
        return why_unreadable(failure)
    return None


def _is_older(name: str, moment: datetime.datetime) -> bool:
    """Return whether a file was closed before that moment, by its name."""
    closed = closed_at("presence", Path(name).name)
    return closed is not None and closed < moment
