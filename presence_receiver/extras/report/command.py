"""presence-cli report."""

import csv
import dataclasses
import datetime
import re
import sys
from pathlib import Path
from typing import Any

import click

from presence_receiver.cli import Invocation, as_json, cell, console, pass_invocation, tell
from presence_receiver.errors import Refused
from presence_receiver.extras.report import page
from presence_receiver.extras.report.figures import BIN, KEYS, Report, Row
from presence_receiver.storage import stored_files

BAR = 30
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def moment(ctx: click.Context, option: click.Parameter, value: str | None) -> datetime.datetime | None:
    """24h, 30m, 7d before now, or a date and time, UTC where it names no offset."""
    if value is None:
        return None
    if match := re.fullmatch(r"(\d{1,6})([mhd])", value):
        return datetime.datetime.now(datetime.UTC) - datetime.timedelta(**{UNITS[match[2]]: int(match[1])})
    try:
        given = datetime.datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("must be like 30m, 24h or 7d, or a date such as 2026-11-22.") from None
    return given if given.tzinfo else given.replace(tzinfo=datetime.UTC)


@click.command("report")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--data-dir", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="All files of this folder.  [PRESENCE_DATA_DIR; default: data]")
@click.option("--since", callback=moment, metavar="TIME", help="What came since: 30m, 24h, 7d, 2026-11-22.")
@click.option("--by", type=click.Choice([*KEYS]), default="hour", help="A row for each.  [default: hour]")
@click.option("--output", type=click.Choice(["table", "json", "csv"]), default="table",
              help="For people or for programs.  [default: table]")
@click.option("--html", type=click.File("w", encoding="utf-8", lazy=True), metavar="FILE",
              help="Write a page with plots instead.")
@pass_invocation
def command(invocation: Invocation, /, files: tuple[Path, ...], data_dir: Path | None,
            since: datetime.datetime | None, by: str, output: str, html: Any) -> None:
    """Show what came in, straight from the files.

    Reads plain, compressed and growing files; times are UTC. Needs DuckDB:
    pip install 'presence-receiver[report]'.

    \b
    Example: presence-cli report --since 24h --by ap
    """
    folder = data_dir or Path(invocation.environment.get("PRESENCE_DATA_DIR") or "data")
    report = Report(files or in_folder(folder), since)
    if html:
        html.write(page.page(report))
        html.close()
        tell(f"Wrote {html.name}.")
    else:
        {"table": write_table, "json": write_json, "csv": write_csv}[output](report, by)


def in_folder(folder: Path) -> list[Path]:
    """The files of lines; raises Refused where there is no folder."""
    if not folder.is_dir():
        raise Refused(f"There is no folder {folder}: give FILES, or the receiver's folder as --data-dir.")
    return stored_files(folder, "presence")


def write_table(report: Report, by: str) -> None:
    """A row for each with a bar of its devices; below, the distribution of the signal strength."""
    from rich.table import Table
    out = console(sys.stdout)
    table = Table(by.upper(), "DEVICES", "", "OBSERVATIONS", "ASSOCIATED", "RSSI", box=None, pad_edge=False,
                  padding=(0, 2, 0, 0))
    rows = report.by(by)
    most = max((row.devices for row in rows), default=1)
    for row in rows:
        table.add_row(*figures(row, bar(row.devices, most)))
    table.add_row()
    table.add_row(*figures(report.total(), ""))
    out.print(table)
    strengths = report.rssi()
    most = max((count for _, count in strengths), default=1)
    click.echo("\nRSSI, dBm")
    for low, count in strengths:
        click.echo(f"{low} to {low + BIN - 1}".ljust(12) + bar(count, most).ljust(BAR + 2) + f"{count:,}")


def figures(row: Row, drawn: str) -> tuple[Any, ...]:
    """A row's cells."""
    share = f"{row.associated / row.devices:.0%}" if row.devices else "-"
    strength = "-" if row.rssi is None else str(row.rssi)
    return cell(row.name), f"{row.devices:,}", drawn, f"{row.observations:,}", share, strength


def bar(count: int, most: int) -> str:
    """As long as its share, in eighths of a character."""
    eighths = round(count / most * BAR * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def write_json(report: Report, by: str) -> None:
    """One object; times are UTC."""
    span = report.span()
    click.echo(as_json({
        "from": f"{span[0].isoformat()}Z" if span else None, "to": f"{span[1].isoformat()}Z" if span else None,
        "total": dataclasses.asdict(report.total()), "by": by,
        "rows": [dataclasses.asdict(row) for row in report.by(by)],
        "rssi": [{"from": low, "observations": count} for low, count in report.rssi()],
    }))


def write_csv(report: Report, by: str) -> None:
    """The rows alone."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([by, "devices", "observations", "associated", "rssi"])
    writer.writerows(dataclasses.astuple(row) for row in report.by(by))
