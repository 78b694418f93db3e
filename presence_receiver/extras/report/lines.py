"""Reads files of lines into DuckDB, and says what in them is no line.

The only module that knows DuckDB, which is an extra of the package.
"""
from __future__ import annotations

import dataclasses
import datetime
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from presence_receiver.errors import ConfigError, NotRead, Refused
from presence_receiver.extras.report.batches import in_batches, temporary_folder
from presence_receiver.extras.report.files import Inputs

COLUMNS = {
    "receivedAt": "TIMESTAMP", "apMac": "VARCHAR", "clientMac": "VARCHAR", "ssid": "VARCHAR", "rssi": "INTEGER",
    "manufacturer": "VARCHAR", "x": "DOUBLE", "y": "DOUBLE",
    "randomised": "VARCHAR", "deviceObservers": "STRUCT(apMac VARCHAR, rssi INTEGER)[]",
}
REJECTED = {"receivedAt": "TIMESTAMP", "errors": "VARCHAR"}
FROM_FILES = """FROM read_json($1, format = 'newline_delimited', columns = {columns}, ignore_errors = true,
    filename = true, maximum_object_size = {most})"""
"""$1 are the paths; $2, in what stands around it, is the number of their batch."""
MOST_LINE, MOST_REJECTED = 64 << 20, 128 << 20
"""Bytes of a line. JSON makes up to six of a byte of a body, of which a rejected line may have all 16 MiB."""
BEGIN, END = "1970-01-01", "2200-01-01"
"""Other times are none: for one line of the year 9998, eight thousand years of no lines would have to be shown."""
IS_TIMED = f"receivedAt IS NOT NULL AND receivedAt >= TIMESTAMP '{BEGIN}' AND receivedAt < TIMESTAMP '{END}'"
ONE_SPELLING = "upper(CASE length({0}) WHEN 12 THEN {0} ELSE translate({0}, ':-', '') END)"
"""An address has the same digits in either case, with or without separators; the vendor's page and the wire differ. To
translate each, also those without separators, costs 0.6 us a line."""
BEST = """list_max([{'named': o.apMac IS NOT NULL, 'rssi': coalesce(o.rssi, -999), 'ap': o.apMac}
    FOR o IN deviceObservers])"""
FOUND = f"""
    SELECT
        receivedAt, hash(address) AS device, manufacturer, ssid, x, y, filename, $2 AS batch,
        {IS_TIMED} AND coalesce(length(address), 0) >= 12 AS is_line,
        length(address) != 12 AND randomised IS NULL AS is_hashed,
        CASE WHEN length(address) = 12 THEN address[2] IN ('2', '6', 'A', 'E')
            ELSE coalesce(randomised = 'true', false) END AS is_randomised,
        {ONE_SPELLING.format('coalesce(apMac, best.ap)')} AS ap,
        CASE WHEN coalesce(rssi, best.rssi) BETWEEN -128 AND 127 THEN coalesce(rssi, best.rssi) END AS rssi
    FROM (SELECT *, {ONE_SPELLING.format('clientMac')} AS address, {BEST} AS best
        {FROM_FILES.format(columns=COLUMNS, most=MOST_LINE)})"""
"""A longer address is a hash; where the receiver made it, the line tells in `randomised` what the address told. A file
that no receiver wrote may have any `rssi`."""
REJECTED_LINES = f"""
    SELECT receivedAt, errors, filename, $2 AS batch, {IS_TIMED} AND coalesce(errors[1] = '{{', false) AS is_line
    {FROM_FILES.format(columns=REJECTED, most=MOST_REJECTED)}"""
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

    `faults` has a sentence for each file that is left out, `too_old` says how many were closed before the moment and
    not read. Raises ConfigError without DuckDB, Refused where there is no file, NotRead where none can be read.
    """

    def __init__(self, inputs: Inputs, since: datetime.datetime | None = None) -> None:
        try:
            import duckdb
        except ImportError:
            raise ConfigError(MISSING) from None
        if not (inputs.files or inputs.too_old or inputs.faults):
            raise Refused("There are no files to report on: give FILES, or the receiver's folder as --data-dir.")
        start = (since or datetime.datetime.fromtimestamp(0, datetime.UTC)).astimezone(datetime.UTC)
        self.since, self._since = since, start.replace(tzinfo=None)
        self._failure = duckdb.Error
        self._database, self._thread = duckdb.connect(), ThreadPoolExecutor(1)
        self.rows("SET temp_directory = ?", temporary_folder())
        self.too_old, self.faults = inputs.too_old, list[str]()
        self.sources = self._load("found", FOUND, inputs)
        if self.faults and not self.sources:
            raise NotRead(*self.faults)
        self.rows(SEEN.format(self._since.isoformat(" ")))

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return what a query finds, as tuples; Refused where memory and the temporary folder are too small for it."""
        try:
            return self._executed(query, values)
        except self._failure as failure:
            raise Refused(f"DuckDB cannot count the lines: {str(failure).splitlines()[0]}") from None

    def _executed(self, query: str, values: Any) -> list[Any]:
        """Ask beside this thread: where one of its own is at work, DuckDB looks for no ^C until it has an answer."""
        try:
            return self._thread.submit(lambda: self._database.execute(query, values).fetchall()).result()
        except KeyboardInterrupt:
            after = self._thread.submit(lambda: None)
            while not after.done():
                self._database.interrupt()  # which a query that begins after it knows nothing of
                wait([after], 0.1)
            raise

    def refuse_strangers(self) -> None:
        """Raise Refused where a file has something in it and no presence line at all."""
        strangers = [source.path for source in self.sources if source.skipped and not source.lines + source.older]
        if strangers:
            raise Refused(f"{', '.join(strangers)}: no presence line is in it. Give files such as presence.jsonl.")

    def load_rejected(self, inputs: Inputs) -> list[Source]:
        """Let the rejected lines of those files be in a table `rejected`; `errors` is JSON text."""
        return self._load("rejected", REJECTED_LINES, inputs)

    def errors(self) -> list[tuple[str, int]]:
        """Return the `errors` of the rejected lines from the moment on, and how many have them."""
        return self.rows("SELECT errors, count(*) FROM rejected WHERE is_line AND receivedAt >= ? GROUP BY 1",
                         self._since)

    def _load(self, table: str, select: str, inputs: Inputs) -> list[Source]:
        """Let the files' lines be in a table, and return the files in their order; what cannot be read is left out."""
        self.faults += inputs.faults
        with tempfile.NamedTemporaryFile() as nothing:  # for DuckDB reads no empty list
            self.rows(f"CREATE TEMP TABLE {table} AS {select}", [nothing.name], 0)
        read: dict[tuple[int, str], str] = {}
        for batch, names in enumerate(in_batches(inputs.files, self.faults)):
            read |= {(batch, path): name for path, name in self._insert(table, select, batch, names)}
        counts = {(batch, path): numbers for batch, path, *numbers in self.rows(f"""
            SELECT batch, filename, count(*) FILTER (is_line AND receivedAt >= $1),
                count(*) FILTER (is_line AND receivedAt < $1), count(*) FILTER (NOT is_line)
            FROM {table} GROUP BY 1, 2""", self._since)}
        return [Source(name, *counts.get(key, (0, 0, 0))) for key, name in read.items()]

    def _insert(self, table: str, select: str, batch: int, names: Mapping[str, str]) -> list[tuple[str, str]]:
        """Add the lines of those files and return what could be read; what could not costs no other."""
        try:
            self._executed(f"INSERT INTO {table} {select}", ([*names], batch))
        except self._failure as failure:
            if len(names) > 1:
                return [each for path in names for each in self._insert(table, select, batch, {path: names[path]})]
            [(path, name)] = names.items()
            why = str(failure).splitlines()[0].replace(path, name)
            self.faults.append(f"{name} is left out, for DuckDB cannot read it: {why}")
            return []
        return [*names.items()]
