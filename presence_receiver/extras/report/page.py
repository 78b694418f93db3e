"""A report as one page that needs nothing else: no script, no network, plots as inline SVG with a table behind each."""
from __future__ import annotations

import datetime
from collections.abc import Iterator

from presence_receiver.cli import counted
from presence_receiver.extras.report import html, sections
from presence_receiver.extras.report.figures import UNNAMED, Report
from presence_receiver.extras.report.lines import Source, skipped
from presence_receiver.extras.report.sections import HEADER, cells, share, strength
from presence_receiver.extras.report.style import STYLE

TIME = "%Y-%m-%d %H:%M"
BEGINNING = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Presence report</title>
"""
"""By which a page is known."""
PAGE = BEGINNING + """<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><style>{style}</style></head>
<body>
<svg width="0" height="0" aria-hidden="true" style="position: absolute"><defs>
<pattern id="no-lines" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<path d="M0 0v5"/></pattern></defs></svg>
<main><h1>Presence</h1>{body}</main></body></html>
"""


def page(report: Report, made: datetime.datetime) -> str:
    """Return the whole page, made at that time."""
    parts = [*_beginning(report, made)]
    if report.span:
        parts += [sections.over_time(report), sections.access_points(report), sections.signal_strength(report),
                  sections.plans(report), _top(report, "ssid", "SSIDs"),
                  _top(report, "manufacturer", "manufacturers")]
    return PAGE.format(style=STYLE, body="".join([*parts, _rejected(report), _sources(report)]))


def _beginning(report: Report, made: datetime.datetime) -> Iterator[str]:
    zone, total, since = str(report.zone), report.total(), report.since
    when = f" since {since:{TIME}}" if since else ""
    yield html.note(f"Received {report.span[0]:{TIME}} to {report.span[1]:{TIME}}, time zone {zone}"
                    f"{f'; asked for{when}' if when else ''}." if report.span else f"No lines{when}.")
    yield html.note(f"Made {made.astimezone(report.zone):{TIME}}, time zone {zone}, from {_files(report)}.")
    pairs = {
        "Devices (distinct addresses)": f"{total.devices:,}", "of them randomised": f"{total.randomised:,}",
        "of them associated": share(total), "Observations": f"{total.observations:,}",
        "Median signal (RSSI)": strength(total),
    }
    yield f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in pairs.items())}</dl>"
    yield html.note("A randomised address has the local bit set; phones change theirs, so one device may count several"
                    " times. Associated devices are those with an SSID.")
    if hashed := report.hashed():
        yield html.note(f"{hashed:,} device{'s have' if hashed > 1 else ' has'} a hash for an address: whether the "
                        "address was randomised cannot be seen.")


def _files(report: Report) -> str:
    count = sum(source.skipped for source in report.lines.sources)
    return counted(len(report.lines.sources), "file", "files") + (f"; {skipped(count, ' of their')}" if count else "")


def _top(report: Report, what: str, things: str) -> str:
    rows = [cells(row, UNNAMED[what]) for row in report.by(what)]
    title = things[0].upper() + things[1:]
    return html.section(title, html.top(f"{title}, most distinct devices first", things, [title[:-1], *HEADER], rows))


def _rejected(report: Report) -> str:
    title, rejected = "Rejected lines", report.rejected
    if rejected is None:
        words = "Not counted: the rejected lines are known where the report reads a receiver's folder (--data-dir)."
        return html.section(title, html.note(words))
    rows = [[reason, f"{count:,}"] for reason, count in rejected.reasons]
    lines = counted(rejected.lines, "line", "lines")
    caption = f"{lines} by reason, most first; a line with several reasons counts for each"
    count = sum(source.skipped for source in rejected.sources)
    return html.section(
        title, html.top(caption, "reasons", ["Reason", "Lines"], rows) if rows else html.note("None."),
        html.note(f"{skipped(count, kind='rejected')}.") if count else "")


def _sources(report: Report) -> str:
    rejected = report.rejected
    too_old = report.lines.too_old + (rejected.too_old if rejected else 0)
    words = [f"Files closed before the time asked for, and not read: {too_old:,}."] if too_old else []
    rows = [_cells(source) for source in [*report.lines.sources, *(rejected.sources if rejected else [])]]
    return html.section("Files", *map(html.note, [*words, *report.lines.faults]), html.top(
        "Files read, in their order", "files", ["File", "Lines", "Older than asked for", "Skipped"], rows))


def _cells(source: Source) -> list[str]:
    return [source.path, f"{source.lines:,}", f"{source.older:,}", f"{source.skipped:,}"]
