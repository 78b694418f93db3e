"""The report for a terminal, and for programs as JSON or CSV."""
from __future__ import annotations

import csv
import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from presence_receiver.cli import as_json, cell, console
from presence_receiver.extras.report.figures import BIN, UNKNOWN, UNNAMED, Report, shown_name
from presence_receiver.extras.report.periods import FORMATS
from presence_receiver.extras.report.timeline import Row

if TYPE_CHECKING:
    from rich.table import Table

LONGEST, SHORTEST = 30, 8
"""Characters of the longest bar; where there is less room than the second there are no bars."""
GAP = 2
BAR = ""
"""The title of the bars."""
COLUMNS: tuple[str, ...] = ("DEVICES", "RANDOMISED", "OBSERVATIONS", "ASSOCIATED", "MEDIAN RSSI")
LEAST = ("MEDIAN RSSI", "RANDOMISED", "ASSOCIATED", "OBSERVATIONS")
"""The columns that go where the terminal is too narrow for all, the first of them first."""
MEANINGS = {"DEVICES": "are distinct addresses", "RANDOMISED": "those with the local bit",
            "ASSOCIATED": "the share with an SSID"}


def write_table(report: Report, by: str) -> None:
    """Write a row for each with a bar of its devices; below, the distribution of the signal strength.

    In a narrow terminal the bars go, then the least columns; what is wider still goes on in the next line, and nothing
    is cut.
    """
    out = console(sys.stdout)
    title = f"{by.upper()} ({report.zone})" if by in FORMATS else by.upper()
    draw = functools.partial(_table, title, UNNAMED.get(by, UNKNOWN), report.by(by), report.total())
    width = out.width

    @functools.cache
    def needed(columns: tuple[str, ...], room: int = 0) -> int:
        return out.measure(draw(columns, room), options=out.options.update(width=100_000)).maximum

    columns = columns_within(width, needed)  # each is drawn once: a row for each of 10,000 access points takes its time
    room = bar_room(width - needed(columns) - GAP) if len(columns) == len(COLUMNS) else 0
    out.width = max(width, needed(columns, room))
    out.print(draw(columns, room))
    _write_meanings(columns)
    _write_strengths(report.rssi(), width)


def columns_within(width: int, needed: Callable[[tuple[str, ...]], int]) -> tuple[str, ...]:
    """Return the columns that need no more than the width, at least one; `needed` tells what some need."""
    columns = COLUMNS
    for least in LEAST:
        if needed(columns) <= width:
            break
        columns = tuple(name for name in columns if name != least)
    return columns


def bar_room(columns: int) -> int:
    """Return how long the longest bar may be; 0 is none."""
    return min(columns, LONGEST) if columns >= SHORTEST else 0


def _table(title: str, unnamed: str, rows: Sequence[Row], total: Row, columns: Sequence[str],
           room: int) -> Table:
    from rich.table import Table
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    table.add_column(title, no_wrap=True)
    shown = [columns[0], *([BAR] if room else []), *columns[1:]]
    for name in shown:
        if name == BAR:
            table.add_column(name, no_wrap=True, min_width=room)
        else:
            table.add_column(name, justify="right", no_wrap=True)
    most = max((row.devices for row in rows), default=1)
    for row in rows:
        figures = _figures(row) | {BAR: bar(row.devices, most, room)}
        table.add_row(cell(shown_name(row.name, unnamed)), *(figures.get(name, "") for name in shown))
    table.add_row()
    table.add_row("total", *(_figures(total).get(name, "") for name in shown))
    return table


def _figures(row: Row) -> dict[str, str]:
    """Return a row's cells by column; an hour without observations has no lines."""
    if not row.observations:
        return {"DEVICES": "no lines"}
    return {
        "DEVICES": f"{row.devices:,}", "RANDOMISED": f"{row.randomised:,}", "OBSERVATIONS": f"{row.observations:,}",
        "ASSOCIATED": f"{100 * row.associated / row.devices:.0f} %",
        "MEDIAN RSSI": "-" if row.rssi is None else f"{row.rssi} dBm",
    }


def bar(count: int, most: int, room: int) -> str:
    """Return one as long as its share of the longest, in eighths of a character."""
    eighths = round(count / max(most, 1) * room * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _write_meanings(columns: Sequence[str]) -> None:
    """Write what the titles mean, and which there was no room for."""
    meanings = ", ".join(f"{name} {words}" for name, words in MEANINGS.items() if name in columns)
    gone = ", ".join(name for name in COLUMNS if name not in columns)
    click.echo()
    for sentence in (f"{meanings}.", *([f"A wider terminal shows {gone} too."] if gone else [])):
        console(sys.stdout).print(cell(sentence))


def _write_strengths(strengths: Sequence[tuple[int, int]], width: int) -> None:
    if not strengths:
        return
    most = max(count for _, count in strengths)
    digits = max(len(f"{most:,}"), len("OBSERVATIONS"))
    room = bar_room(width - 16 - digits - GAP)
    click.echo(f"\n{'RSSI'.ljust(16)}{'OBSERVATIONS'.rjust(digits)}")
    for low, count in strengths:
        name = f"{low} to {low + BIN - 1} dBm".ljust(16)
        click.echo(f"{name}{count:>{digits},}  {bar(count, most, room)}".rstrip())


def write_json(report: Report, by: str) -> None:
    """Write one object; `skipped` are lines of no use, `rejected` and its files are null where nobody knows them."""
    span, rejected = report.span, report.rejected
    click.echo(as_json({
        "from": _stamp(span[0]) if span else None, "to": _stamp(span[1]) if span else None,
        "timezone": str(report.zone), "total": dataclasses.asdict(report.total()), "by": by,
        "rows": [dataclasses.asdict(row) for row in report.by(by)],
        "rssi": [{"from": low, "to": low + BIN - 1, "observations": count} for low, count in report.rssi()],
        "rejected": rejected and [{"reason": reason, "lines": count} for reason, count in rejected.reasons],
        "files": [dataclasses.asdict(source) for source in report.lines.sources],
        "rejected_files": rejected and [dataclasses.asdict(source) for source in rejected.sources],
    }))


def _stamp(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")


def write_csv(report: Report, by: str) -> None:
    """Write the rows alone."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([by, "devices", "randomised", "observations", "associated", "rssi"])
    writer.writerows(dataclasses.astuple(row) for row in report.by(by))


WRITERS: dict[str, Callable[[Report, str], None]] = {"table": write_table, "json": write_json, "csv": write_csv}
