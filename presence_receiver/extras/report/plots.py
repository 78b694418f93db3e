"""The report's plots: devices over time, a heat map, a histogram and plans, drawn of what they are given."""
from __future__ import annotations

import datetime
from collections.abc import Sequence

from presence_receiver.extras.report import svg
from presence_receiver.extras.report.figures import BIN, shown_name
from presence_receiver.extras.report.periods import ticks
from presence_receiver.extras.report.places import Map, extent
from presence_receiver.extras.report.timeline import Heat, Row, Timeline

AREA, ROW, PLAN = 170, 18, 215
"""Pixels: the height of an area of bars, of a row of the heat map, the longer side of a plan."""
NO_LINES, NOTHING = ("none", "no lines"), ("frame", "0")
"""What stands beside the shades in a legend."""

Times = Sequence[datetime.datetime]


def in_words(devices: int, randomised: int) -> str:
    """Return devices in words."""
    return f"{devices:,} devices, {randomised:,} of them randomised"


def _gaps(rows: Sequence[Row], top: float, height: float) -> str:
    """Return a band for each period without lines."""
    return "".join(
        svg.rect(svg.percent(index / len(rows)), top, svg.percent(1 / len(rows)), height, "none",
                 f"{row.name}: no lines")
        for index, row in enumerate(rows) if not row.observations)


def _time_axis(times: Times, step: str, top: float, bottom: float) -> str:
    """Draw each tick where its period begins, with its label; of a day or a month, below its middle."""
    parts, half = [], 0 if step == "hour" else 0.5
    for index, words, is_left_out in ticks(times, step):
        kind = "middle wide" if is_left_out else "middle"
        parts.append(svg.line_down(svg.percent(index / len(times)), top, bottom + 5)
                     + svg.text(svg.percent((index + half) / len(times)), bottom + 18, words, kind))
    return "".join(parts)


def over_time(name: str, step: str, times: Times, rows: Sequence[Row]) -> str:
    """Return a bar for each period, of two parts: devices with a randomised address stand on top of the others."""
    top, bottom = svg.ABOVE, svg.ABOVE + AREA
    axis, scale = svg.upright(top, bottom, max(row.devices for row in rows), "devices")
    parts, share, gap = [], 1 / len(rows), min(0.08, len(rows) / 100) if len(rows) <= 60 else 0
    for index, row in ((index, row) for index, row in enumerate(rows) if row.observations):
        x, width = svg.percent((index + gap) * share), svg.percent((1 - 2 * gap) * share)
        title = f"{row.name}: {in_words(row.devices, row.randomised)}"
        others = (row.devices - row.randomised) * scale
        parts.append(svg.rect(x, bottom - others, width, others, "s6", title))
        parts.append(svg.rect(x, bottom - row.devices * scale, width, row.randomised * scale, "randomised", title))
    gaps = _gaps(rows, top, AREA)
    marks = [("s6", "other addresses"), ("randomised", "randomised addresses")]
    plot = svg.drawing(name, bottom + svg.BELOW, gaps, axis, _time_axis(times, step, top, bottom), *parts)
    return svg.legend([*marks, NO_LINES] if gaps else marks) + plot


def histogram(name: str, counts: Sequence[tuple[int, int]]) -> str:
    """Draw ranges of signal strength from weak to strong, each with its label below."""
    top, bottom, step = svg.ABOVE, svg.ABOVE + AREA, 1 / len(counts)
    axis, scale = svg.upright(top, bottom, max(count for _, count in counts), "observations")
    parts, every = [], -(-len(counts) // 12)
    narrow = every * -(-len(counts) // (3 * every))
    for index, (low, count) in enumerate(counts):
        words = f"{low} to {low + BIN - 1}"
        parts.append(svg.rect(svg.percent((index + 0.04) * step), bottom - count * scale, svg.percent(0.92 * step),
                              count * scale, "s6", f"{words} dBm: {count:,} observations"))
        if index % every == 0:
            kind = "middle wide" if index % narrow else "middle"
            parts.append(svg.text(svg.percent((index + 0.5) * step), bottom + 18, words, kind))
    return svg.drawing(name, bottom + svg.BELOW + 16, axis, *parts, svg.text("100%", bottom + 36, "dBm", "end"))


def heat_map(name: str, names: Sequence[str | None], timeline: Timeline, heat: Heat, shades: svg.Shades) -> str:
    """Return a row for each access point, a cell for each period in which it saw devices."""
    height, step, parts = len(names) * ROW, 1 / len(timeline.times), []
    for index, access_point in enumerate(names):
        shown = shown_name(access_point)
        parts.append(svg.text("-8", index * ROW + 13, shown, "end"))
        for column, row in enumerate(timeline.rows):
            devices, randomised = heat.get((access_point, column), (0, 0))
            if devices:
                title = f"{shown}, {row.name}: {in_words(devices, randomised)}"
                parts.append(svg.rect(svg.percent(column * step), index * ROW, svg.percent(step), ROW - 1,
                                      shades.of(devices), title))
    axis = _time_axis(timeline.times, timeline.step, 0, height)
    return svg.drawing(name, height + svg.BELOW, _gaps(timeline.rows, 0, height), *parts, axis, kind="plot named")


def plan(place: Map, shades: svg.Shades) -> str:
    """Draw squares of a plan, x to the right, y upward, a cross where the access point is; never a mere strip."""
    side, marks = place.side, [place.mark] if place.mark else []
    corners = [*place.squares, *((x // side * side, y // side * side) for x, y in marks)]
    left, low = min(x for x, _ in corners), min(y for _, y in corners)
    right, high = max(x for x, _ in corners) + side, max(y for _, y in corners) + side
    right, high = max(right, left + (high - low) // 4), max(high, low + (right - left) // 4)
    scale = PLAN / max(right - left, high - low)
    width, height, square = (right - left) * scale, (high - low) * scale, max(side * scale, 1)
    parts = [
        svg.rect(f"{(x - left) * scale:.1f}", (high - y - side) * scale, f"{square:.1f}", square,
                 shades.of(count), f"x {extent(x, side)}, y {extent(y, side)} m: {count:,} observations")
        for (x, y), count in place.squares.items()
    ]
    parts += [_cross((x - left) * scale, (high - y) * scale) for x, y in marks]
    frame = f'<rect class="frame" width="{width:.1f}" height="{height:.1f}"/>'
    return _framed(f"Where associated devices were: {shown_name(place.name)}", width, height, frame, *parts, *[
        svg.text("0", height + 16, f"x {left:,.9g} m"), svg.text(f"{width:.0f}", height + 16, f"{right:,.9g} m", "end"),
        svg.text("-6", height, f"y {low:,.9g} m", "end"), svg.text("-6", 10, f"{high:,.9g} m", "end")])


def _framed(name: str, width: float, height: float, *parts: str) -> str:
    """Return a plan that keeps its proportions on any screen, with room around it for the numbers of its corners."""
    return svg.drawing(name, height + 24, f'<svg x="64" y="2" overflow="visible">{"".join(parts)}</svg>', kind="plan")


def _cross(x: float, y: float) -> str:
    return (f'<path class="mark" d="M{x - 6:.1f} {y:.1f}h12M{x:.1f} {y - 6:.1f}v12">'
            "<title>the access point</title></path>")


def heat_rows(names: Sequence[str | None], timeline: Timeline, heat: Heat) -> tuple[list[str], list[list[str]]]:
    """Return the heat map as a table: its header, and a row for each access point."""
    header = ["Access point", *(row.name or "" for row in timeline.rows)]
    return header, [
        [shown_name(name), *(_cell(heat.get((name, index), (0, 0))) if row.observations else "no lines"
                             for index, row in enumerate(timeline.rows))] for name in names]


def _cell(devices: tuple[int, int]) -> str:
    return f"{devices[0]:,} ({devices[1]:,})" if devices[0] else "0"
