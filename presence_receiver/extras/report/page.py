"""A report as one page that needs nothing else: no script, no network, plots as inline SVG with a table behind each."""
from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from html import escape

from presence_receiver.extras.report import html, plots
from presence_receiver.extras.report.figures import BIN, Map, Report, Row
from presence_receiver.extras.report.lines import skipped
from presence_receiver.extras.report.plots import UNKNOWN
from presence_receiver.extras.report.style import STYLE
from presence_receiver.extras.report.svg import Shades

MOST_ACCESS_POINTS, MOST_PLANS = 40, 12
"""How many are drawn at once; the rest is a click away."""
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Presence report</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><style>{style}</style></head>
<body>
<svg width="0" height="0" aria-hidden="true" style="position: absolute"><defs>
<pattern id="no-lines" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<path d="M0 0v5"/></pattern></defs></svg>
<main><h1>Presence</h1>{body}</main></body></html>
"""
HEADER = ["Devices", "Randomised", "Observations", "Associated (of devices)", "Median RSSI"]


def page(report: Report, made: datetime.datetime) -> str:
    """Return the whole page, made at that time."""
    parts = [*_beginning(report, made)]
    if report.times:
        parts += [_over_time(report), _access_points(report), _strength(report), _plans(report),
                  _top(report, "ssid", "SSIDs", "not associated"),
                  _top(report, "manufacturer", "manufacturers", UNKNOWN)]
    return PAGE.format(style=STYLE, body="".join([*parts, _rejected(report), _sources(report)]))


def _beginning(report: Report, made: datetime.datetime) -> Iterator[str]:
    zone, span, total = str(report.zone), report.span(), report.total()
    yield html.note(f"Received {span[0]:%Y-%m-%d %H:%M} to {span[1]:%Y-%m-%d %H:%M}, time zone {zone}." if span
                    else "No lines.")
    yield html.note(f"Made {made.astimezone(report.zone):%Y-%m-%d %H:%M}, time zone {zone}, from {_files(report)}.")
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
    count = sum(source.skipped for source in report.sources)
    words = f"{len(report.sources):,} files" if len(report.sources) != 1 else "1 file"
    return words + (f"; {skipped(count, ' of their')}" if count else "")


def share(row: Row) -> str:
    """Return the associated devices as a share of the devices."""
    return f"{100 * row.associated / row.devices:.0f} %" if row.devices else "–"


def strength(row: Row) -> str:
    """Return the median with its unit."""
    return "–" if row.rssi is None else f"{row.rssi} dBm"


def cells(row: Row, unnamed: str = UNKNOWN) -> list[str]:
    """Return a row of a table below the HEADER; a period without observations has no lines."""
    if not row.observations:
        return [row.name or unnamed, "no lines", "", "", "", ""]
    return [row.name or unnamed, f"{row.devices:,}", f"{row.randomised:,}", f"{row.observations:,}",
            f"{row.associated:,} ({share(row)})", strength(row)]


def _every(report: Report) -> str:
    return {"hour": "an hour", "day": "a day", "month": "a month"}[report.step]


def _over_time(report: Report) -> str:
    title, rows = f"Distinct devices {_every(report)}", report.over_time
    return html.section(
        title, html.note(f"Time zone {report.zone}; the first and the last {report.step} may be incomplete."),
        plots.over_time(title, report.times, rows),
        html.behind(title, [f"{report.step.capitalize()} ({report.zone})", *HEADER], [cells(row) for row in rows]))


def _access_points(report: Report) -> str:
    title, rows, heat = f"Distinct devices {_every(report)}, by access point", report.by("ap"), report.heat()
    names, shades = [row.name for row in rows], Shades(max(devices for devices, _ in heat.values()))
    gaps = [plots.NO_LINES] if any(not row.observations for row in report.over_time) else []

    def drawn(some: Sequence[str | None]) -> str:
        return plots.heat_map(title, some, report.over_time, report.times, heat, shades)

    shown, rest = names[:MOST_ACCESS_POINTS], names[MOST_ACCESS_POINTS:]
    words = f"{len(shown)} of {len(names):,} access points, those that saw most distinct devices; most first." if rest \
        else f"All access points ({len(names):,}), the one that saw most distinct devices first."
    header, lines = plots.heat_rows(names, report.times, report.step, report.over_time, heat)
    return html.section(
        title, html.note(words), shades.legend("Devices", gaps), drawn(shown),
        html.more(f"The other {len(rest):,} access points", drawn(rest)) if rest else "",
        html.behind(f"{title}; in brackets those with a randomised address", header, lines),
        html.top("Each access point, most distinct devices first", "access points", ["Access point", *HEADER],
                 [cells(row) for row in rows]))


def _strength(report: Report) -> str:
    counts = report.rssi()
    if not counts:
        return ""
    title = f"Observations by signal strength, in ranges of {BIN} dBm"
    return html.section(
        title, plots.histogram(title, counts),
        html.behind(title, ["RSSI, dBm", "Observations"],
                    [[f"{low} to {low + BIN - 1}", f"{count:,}"] for low, count in counts]))


def _plans(report: Report) -> str:
    side, maps = report.maps()
    if not maps:
        return ""
    title = f"Where associated devices were: observations in squares of {side:g} × {side:g} m"
    shades = Shades(max(max(place.squares.values()) for place in maps))

    def drawn(some: Sequence[Map]) -> str:
        return '<div class="plans">' + "".join(
            f"<div><h3>{escape(place.name or UNKNOWN)}</h3>{plots.plan(place, side, shades)}</div>"
            for place in some) + "</div>"

    rest = maps[MOST_PLANS:]
    words = (f"{MOST_PLANS} of {len(maps):,} access points, those with most such observations; most first." if rest
             else f"A plan for each access point that has any ({len(maps):,}).")
    rows = [[place.name or UNKNOWN, f"{x:g} to {x + side:g}", f"{y:g} to {y + side:g}", f"{count:,}"]
            for place in maps for (x, y), count in place.squares.items()]
    return html.section(
        title, html.note(f"{words} x and y as the vendor gives them, y upward; the cross is the access point."),
        shades.legend("Observations"), drawn(maps[:MOST_PLANS]),
        html.more(f"The other {len(rest):,} access points", drawn(rest)) if rest else "",
        html.behind(title, ["Access point", "x, m", "y, m", "Observations"], rows))


def _top(report: Report, what: str, things: str, unnamed: str) -> str:
    rows = [cells(row, unnamed) for row in report.by(what)]
    title = {"ssid": "SSIDs", "manufacturer": "Manufacturers"}[what]
    return html.section(title, html.top(f"{title}, most distinct devices first", things, [title[:-1], *HEADER], rows))


def _rejected(report: Report) -> str:
    reasons = report.rejected()
    if reasons is None:
        words = "Not counted: the rejected lines are known where the report reads a receiver's folder (--data-dir)."
        return html.section("Rejected observations", html.note(words))
    if not reasons:
        return html.section("Rejected observations", html.note("None."))
    rows = [[reason, f"{count:,}"] for reason, count in reasons]
    caption = "Rejected lines by reason, most first; one with several reasons counts for each"
    return html.section("Rejected observations", html.top(caption, "reasons", ["Reason", "Lines"], rows))


def _sources(report: Report) -> str:
    rows = [[source.path, f"{source.lines:,}", f"{source.older:,}", f"{source.skipped:,}"] for source in report.sources]
    unread = report.lines.unread
    words = f"{unread:,} files closed before the time asked for were not read." if unread else ""
    header = ["File", "Lines", "Older than asked for", "Skipped"]
    return html.section("Files", html.note(words) if words else "",
                        html.top("Files read, in their order", "files", header, rows))
