"""presence-cli report."""

import datetime
import os
import sys
import zoneinfo
from contextlib import suppress
from pathlib import Path

import click

from presence_receiver.cli import Invocation, in_seconds, pass_invocation, tell, warn, write_whole
from presence_receiver.errors import NotRead, Refused
from presence_receiver.extras.report.figures import Report
from presence_receiver.extras.report.files import named, of_folder
from presence_receiver.extras.report.lines import Lines, skipped
from presence_receiver.extras.report.page import BEGINNING, page
from presence_receiver.extras.report.table import WRITERS
from presence_receiver.storage import found_folder

ROWS = ("hour", "day", "ap", "ssid", "manufacturer")
EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
"""Nothing was received before."""
STDOUT = "-"


def moment(ctx: click.Context, option: click.Parameter, value: str | None) -> datetime.datetime | None:
    """Return 24h, 30m, 7d before now, or a date and time, of --timezone where it names no offset."""
    if value is None:
        return None
    now = datetime.datetime.now(datetime.UTC)
    if value.endswith(("s", "m", "h", "d")):
        return max(EPOCH, now - datetime.timedelta(seconds=in_seconds(ctx, option, value) or 0))
    try:
        given = datetime.datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("must be like 30m, 24h or 7d, or a date such as 2026-11-22.") from None
    if given.year < EPOCH.year:
        return EPOCH
    given = given if given.tzinfo else given.replace(tzinfo=ctx.params["timezone"])
    if given > now:
        raise click.BadParameter(f"{value} lies in the future: nothing was received since then.")
    return given


def zone(ctx: click.Context, option: click.Parameter, value: str) -> datetime.tzinfo:
    """Return UTC or a zone of the IANA's list."""
    if value.upper() == "UTC":
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"{value} is no time zone that this machine knows: names are like Europe/Berlin; "
                                 "a machine without any gets them by pip install tzdata.") from None


def file_name(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return a name that can be a file's: f/ would be a folder's."""
    if value is not None and not os.path.basename(value):
        raise click.BadParameter("must be a file's name, or -.")
    return value


@click.command("report")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--data-dir", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="All files of this folder.  [PRESENCE_DATA_DIR; default: data]")
@click.option("--since", callback=moment, metavar="TIME", help="What came since: 30m, 24h, 7d, 2026-11-22.")
@click.option("--timezone", callback=zone, default="UTC", is_eager=True, metavar="ZONE",
              help="Where hours and days begin.  [default: UTC]")
@click.option("--by", type=click.Choice(ROWS), help="A row for each.  [default: hour, day or month, as fits]")
@click.option("--output", type=click.Choice([*WRITERS]), help="For people or for programs.  [default: table]")
@click.option("--html", callback=file_name, type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE",
              help="Write a page with plots instead.")
@pass_invocation
def command(invocation: Invocation, /, files: tuple[str, ...], data_dir: Path | None, since: datetime.datetime | None,
            timezone: datetime.tzinfo, by: str | None, output: str | None, html: str | None) -> None:
    """Show what came in, straight from the files.

    Reads plain, compressed and growing files; - is stdin. Needs DuckDB: pip
    install -r presence_receiver/extras/report/requirements.txt

    \b
    Example: presence-cli report --since 24h --by ap
    """
    if html is not None and (output or by not in (None, "hour", "day")):
        raise click.UsageError("--html has every table: give it without --output and with no --by but hour or day.")
    if files and data_dir:
        raise click.UsageError("FILES and --data-dir are two reports: give one of them.")
    if html is not None:
        refuse_other_files(html)
    step = by if by in ("hour", "day") else None
    folder = data_dir or Path(invocation.environment.get("PRESENCE_DATA_DIR") or "data")
    report = of_files(files, since, timezone, step) if files else of_receiver(folder, since, timezone, step)
    warn_of_what_is_missing(report)
    if html is not None:
        write_page(report, html)
    else:
        WRITERS[output or "table"](report, by or report.step)
    if report.lines.faults:
        raise NotRead(*report.lines.faults)


def refuse_other_files(name: str) -> None:
    """Raise Refused where a page would take the place of something that is none, such as the lines themselves."""
    if not is_file(name):
        return
    with suppress(OSError), open(name, "rb") as file:
        if file.read(len(BEGINNING)) == BEGINNING.encode():
            return
    raise Refused(f"{name} is there and cannot be seen to be a report's page: give --html another name.")


def is_file(name: str) -> bool:
    """Return whether there is a file, and no device, of a page's name."""
    return name != STDOUT and os.path.isfile(name)


def of_files(files: tuple[str, ...], since: datetime.datetime | None, zone: datetime.tzinfo,
             step: str | None) -> Report:
    """Return the report on files that are named; Refused where one has no presence line."""
    lines = Lines(named(files), since)
    lines.refuse_strangers()
    return Report(lines, zone, step)


def of_receiver(folder: Path, since: datetime.datetime | None, zone: datetime.tzinfo, step: str | None) -> Report:
    """Return the report on a receiver's folder; what is asked for since a time is shown up to now."""
    if not found_folder(folder):
        raise Refused(f"There is no folder {folder}: give FILES, or the receiver's folder as --data-dir.")
    with of_folder(folder, "presence", since) as inputs:
        lines = Lines(inputs, since)
    now = datetime.datetime.now(datetime.UTC)
    return Report(lines, zone, step, folder, (since, now) if since else None)


def warn_of_what_is_missing(report: Report) -> None:
    """Tell of lines that were skipped, and where none is left."""
    for source in report.lines.sources:
        if source.skipped:
            warn(f"{source.path}: {skipped(source.skipped)}.")
    if not report.span:
        when = f" since {report.since:%Y-%m-%d %H:%M %Z}" if report.since else ""
        warn(f"There are no lines{when}.")


def write_page(report: Report, name: str) -> None:
    """Write the page; to stdout in silence. Refused where it cannot be written, and an older one is as it was then."""
    words = page(report, datetime.datetime.now(datetime.UTC))
    refuse_other_files(name)  # one may have come meanwhile
    if name == STDOUT:
        sys.stdout.buffer.write(words.encode())
        return
    try:
        if is_file(name) or not os.path.lexists(name):
            write_whole(Path(name).resolve(), words)
        else:
            Path(name).write_text(words, encoding="utf-8")
    except OSError as failure:
        raise Refused(f"{name} cannot be written: {failure.strerror}.") from None
    tell(f"Wrote {name}.")
