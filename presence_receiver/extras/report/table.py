"""The report for a terminal, and for programs as JSON or CSV."""
from __future__ import annotations

import csv
import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from presence_receiver.cli import as_json, cell, console
from presence_receiver.extras.report.figures import BIN, Report, Row

if TYPE_CHECKING:
    from rich.table import Table

LONGEST, SHORTEST = 30, 8
"""Characters of the longest bar; where there is less room than the second there are no bars."""
GAP = 2
COLUMNS = ("DEVICES", "RANDOMISED", "OBSERVATIONS", "ASSOCIATED", "MEDIAN RSSI")


def write_table(report: Report, by: str) -> None:
    """Write a row for each with a bar of its devices; below, the distribution of the signal strength.

    In a narrow terminal the bars go; what is wider still goes on in the next line, and nothing is cut.
    """
    out = console(sys.stdout)
    title = f"{by.upper()} ({report.zone})" if by in ("hour", "day") else by.upper()
    rows = report.by(by)
    room = out.width - out.measure(_table(title, rows, report.total(), 0)).maximum - GAP
    table = _table(title, rows, report.total(), bar_room(room))
    width = out.width
    out.width = max(width, out.measure(table, options=out.options.update(width=100_000)).maximum)
    out.print(table)
    click.echo("\nDEVICES are distinct addresses, RANDOMISED those with the local bit, ASSOCIATED those with an SSID.")
    _write_strengths(report.rssi(), width)


def bar_room(columns: int) -> int:
    """Return how long the longest bar may be; 0 is none."""
    return min(columns, LONGEST) if columns >= SHORTEST else 0


def _table(title: str, rows: Sequence[Row], total: Row, room: int) -> Table:
    from rich.table import Table
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    table.add_column(title, no_wrap=True)
    table.add_column(COLUMNS[0], justify="right", no_wrap=True)
    if room:
        table.add_column("", no_wrap=True, min_width=room)
    for name in COLUMNS[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    most = max((row.devices for row in rows), default=1)
    for row in rows:
        table.add_row(cell(row.name), *_figures(row, bar(row.devices, most, room) if room else None))
    table.add_row()
    table.add_row("total", *_figures(total, "" if room else None))
    return table


def _figures(row: Row, drawn: str | None) -> list[str]:
    """Return a row's cells but its name; an hour without observations has no lines."""
    bars = [] if drawn is None else [drawn]
    if not row.observations:
        return ["no lines", *bars]
    share = f"{100 * row.associated / row.devices:.0f} %"
    strength = "-" if row.rssi is None else f"{row.rssi} dBm"
    return [f"{row.devices:,}", *bars, f"{row.randomised:,}", f"{row.observations:,}", share, strength]


def bar(count: int, most: int, room: int) -> str:
    """Return one as long as its share of the longest, in eighths of a character."""
    eighths = round(count / max(most, 1) * room * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _write_strengths(strengths: Sequence[tuple[int, int]], width: int) -> None:
    most = max((count for _, count in strengths), default=1)
    digits = max(len(f"{most:,}"), len("OBSERVATIONS"))
    room = bar_room(width - 16 - digits - GAP)
    click.echo(f"\n{'RSSI'.ljust(16)}{'OBSERVATIONS'.rjust(digits)}")
    for low, count in strengths:
        name = f"{low} to {low + BIN - 1} dBm".ljust(16)
        click.echo(f"{name}{count:>{digits},}  {bar(count, most, room)}".rstrip())


def write_json(report: Report, by: str) -> None:
    """Write one object; `skipped` are lines that are no presence lines, `rejected` is null where nobody knows."""
    span, rejected = report.span(), report.rejected()
    click.echo(as_json({
        "from": _stamp(span[0]) if span else None, "to": _stamp(span[1]) if span else None,
        "timezone": str(report.zone), "total": dataclasses.asdict(report.total()), "by": by,
        "rows": [dataclasses.asdict(row) for row in report.by(by)],
        "rssi": [{"from": low, "to": low + BIN - 1, "observations": count} for low, count in report.rssi()],
        "rejected": rejected and [{"reason": reason, "lines": count} for reason, count in rejected],
        "files": [dataclasses.asdict(source) for source in report.sources],
    }))


def _stamp(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")


def write_csv(report: Report, by: str) -> None:
    """Write the rows alone."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([by, "devices", "randomised", "observations", "associated", "rssi"])
    writer.writerows(dataclasses.astuple(row) for row in report.by(by))


WRITERS: dict[str, Callable[[Report, str], None]] = {"table": write_table, "json": write_json, "csv": write_csv}
