"""The page's sections with plots: each has its title, its words, the plot, and the table behind it."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from presence_receiver.extras.report import html, plots
from presence_receiver.extras.report.figures import BIN, UNKNOWN, Report, shown_name
from presence_receiver.extras.report.places import Map, Places, extent
from presence_receiver.extras.report.svg import Shades
from presence_receiver.extras.report.timeline import Names, Row

MOST_ACCESS_POINTS, MOST_PLANS = 40, 12
"""How many are drawn at once; the rest is a click away."""
NARROWEST = 250
"""Pixels that a plot has across on a screen of 390."""
HEADER = ["Devices", "Randomised", "Observations", "Associated (of devices)", "Median RSSI"]
REST = ", the others"


def share(row: Row) -> str:
    """Return the associated devices as a share of the devices."""
    return f"{100 * row.associated / row.devices:.0f} %" if row.devices else "–"


def strength(row: Row) -> str:
    """Return the median with its unit."""
    return "–" if row.rssi is None else f"{row.rssi} dBm"


def cells(row: Row, unnamed: str = UNKNOWN) -> list[str]:
    """Return a row of a table below the HEADER; a period without observations has no lines."""
    if not row.observations:
        return [shown_name(row.name, unnamed), "no lines", "", "", "", ""]
    return [shown_name(row.name, unnamed), f"{row.devices:,}", f"{row.randomised:,}", f"{row.observations:,}",
            f"{row.associated:,} ({share(row)})", strength(row)]


def _devices(step: str) -> str:
    return f"Distinct devices {'an' if step == 'hour' else 'a'} {step}"


def _has_gaps(rows: Sequence[Row]) -> bool:
    return not all(row.observations for row in rows)


def _too_many(periods: Sequence[Row]) -> str:
    """Return a sentence where there are more periods than a narrow screen has pixels for them."""
    return html.note(f"Where there is less than a pixel for each of {len(periods):,}, some cover others; the table has "
                     "all.") if len(periods) > NARROWEST else ""


def over_time(report: Report) -> str:
    """Return how many devices there were in each period."""
    title, step, rows = _devices(report.step), report.step, report.timeline.rows
    which = f"first and the last {step}" if len(rows) > 1 else step
    if _has_gaps(rows):
        which += f", and those beside {'an' if step == 'hour' else 'a'} {step} without lines,"
    return html.section(
        title, html.note(f"Time zone {report.zone}; the {which} may be incomplete."), _too_many(rows),
        plots.over_time(title, step, report.timeline.times, rows),
        html.behind(title, [f"{step.capitalize()} ({report.zone})", *HEADER], [cells(row) for row in rows]))


def access_points(report: Report) -> str:
    """Return how many devices each access point saw in each period, and in all."""
    rows = report.by("ap")
    names = [row.name for row in rows]
    shown, rest = names[:MOST_ACCESS_POINTS], names[MOST_ACCESS_POINTS:]
    words = f"{len(shown)} of {len(names):,} access points, those that saw most distinct devices; most first." if rest \
        else f"All access points ({len(names):,}), the one that saw most distinct devices first."
    title, heat = _heat(report, shown)
    return html.section(
        title, html.note(words), heat, _others(rest, *_heat(report, rest, REST)) if rest else "",
        html.top("Each access point, most distinct devices first", "access points", ["Access point", *HEADER],
                 [cells(row) for row in rows]))


def _heat(report: Report, names: Names, which: str = "") -> tuple[str, str]:
    """Return the heat map of some access points, and its title before; the steps are not too many for the page."""
    timeline = report.timeline_for(len(names))
    title, heat = f"{_devices(timeline.step)}, by access point{which}", timeline.heat(names)
    shades, gaps = Shades(timeline.counts), [plots.NO_LINES] if _has_gaps(timeline.rows) else []
    coarse = f"A map of each {report.step} would be too large for a page." if timeline.step != report.step else ""
    return title, "".join([
        html.note(coarse) if coarse else "", _too_many(timeline.rows), shades.legend("Devices", plots.NOTHING, *gaps),
        plots.heat_map(title, names, timeline, heat, shades),
        html.behind(f"{title}; in brackets those with a randomised address",
                    *plots.heat_rows(names, timeline, heat))])


def _others(names: Names, title: str, drawn: str) -> str:
    return html.more(f"The other {len(names):,} access points", html.note(title), drawn)


def signal_strength(report: Report) -> str:
    """Return how many observations had which signal strength."""
    counts = report.rssi()
    if not counts:
        return ""
    title = f"Observations by signal strength, in ranges of {BIN} dB"
    return html.section(
        title, plots.histogram(title, counts),
        html.behind(title, ["RSSI, dBm", "Observations"],
                    [[f"{low} to {low + BIN - 1}", f"{count:,}"] for low, count in counts]))


def plans(report: Report) -> str:
    """Return where the associated devices of each access point were."""
    places = report.places()
    shown, rest = places.names[:MOST_PLANS], places.names[MOST_PLANS:]
    if not shown:
        return ""
    words = (f"{MOST_PLANS} of {len(places.names):,} access points, those with most such observations; most first."
             if rest else f"A plan for each access point that has any ({len(shown):,}).")
    title, drawn = _plans(places, shown)
    return html.section(
        title, html.note(f"{words} Each has its own scale and squares; x and y as the vendor gives them, y upward; the "
                         "cross is the access point."),
        drawn, _others(rest, *_plans(places, rest, REST)) if rest else "")


def _plans(places: Places, names: Names, which: str = "") -> tuple[str, str]:
    """Return plans of some access points, and their title before; the squares are not too many for the page."""
    maps = places.maps(names)
    shades = Shades(Counter(count for place in maps for count in place.squares.values()))
    title = f"Where associated devices were: observations in each square{which}"
    rows = [[name, extent(x, place.side), extent(y, place.side), f"{count:,}"]
            for name, place in ((shown_name(place.name), place) for place in maps)
            for (x, y), count in place.squares.items()]
    return title, "".join([
        shades.legend("Observations", plots.NOTHING), _drawn(maps, shades),
        html.behind(title, ["Access point", "x, m", "y, m", "Observations"], rows)])


def _drawn(maps: Sequence[Map], shades: Shades) -> str:
    return '<div class="plans">' + "".join(
        f"<div><h3>{escape(shown_name(place.name))}, squares of {place.side:,.9g} m</h3>"
        f"{plots.plan(place, shades)}</div>" for place in maps) + "</div>"
