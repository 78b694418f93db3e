"""A report as one page that needs nothing else: no script, no network, plots as inline SVG.

Draws what it is given; asks nobody.
"""
from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from html import escape

from presence_receiver.extras.report.figures import BIN, Heat, Report, Row, Square

WIDTH, HEIGHT, LEFT, BOTTOM = 960, 220, 56, 34
MOST_ACCESS_POINTS = 40
CELLS = 40
TALLEST = 420
ROW = 18

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --quiet: #66727f; --line: #dde3ea; --fill: #2468a8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ee; --quiet: #97a3af; --line: #333d47; --fill: #6aaae4; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 960px; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p { margin: .2rem 0; color: var(--quiet); }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2.6rem; margin: 1.2rem 0 0; }
dt { color: var(--quiet); } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; } text { fill: var(--quiet); font-size: 12px; }
rect { fill: var(--fill); } .frame { fill: none; stroke: var(--line); } .grid { stroke: var(--line); }
.end { text-anchor: end; } .middle { text-anchor: middle; }
"""
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Presence report</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><style>{style}</style></head>
<body><h1>Presence</h1><p>{span}</p>{figures}{plots}</body></html>
"""


def page(report: Report) -> str:
    """The whole page."""
    span = report.span()
    words = f"{span[0]:%Y-%m-%d %H:%M} to {span[1]:%Y-%m-%d %H:%M} UTC" if span else "No lines."
    times = report.times()
    plots = [
        ("Devices over time", _over_time(times, report.devices())),
        ("Devices by access point", _heat(times, report.heat(MOST_ACCESS_POINTS))),
        ("Signal strength, dBm", _histogram(report.rssi())),
        ("Where associated devices were, metres", _positions(report.positions(CELLS))),
    ]
    sections = "".join(f"<section><h2>{title}</h2>{plot}</section>" for title, plot in plots if plot)
    return PAGE.format(style=STYLE, span=words, figures=_figures(report.total()), plots=sections)


def _figures(total: Row) -> str:
    share = f"{total.associated / total.devices:.0%}" if total.devices else "–"
    strength = "–" if total.rssi is None else f"{total.rssi} dBm"
    figures = {
        "Devices": f"{total.devices:,}", "Observations": f"{total.observations:,}", "Associated": share,
        "Median signal": strength,
    }
    pairs = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    return f"<dl>{pairs}</dl>"


def _svg(height: float, *parts: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img">{"".join(parts)}</svg>'


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    if not words:
        return ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def _bars(counts: Sequence[int], labels: Sequence[str], titles: Sequence[str]) -> str:
    """Bars from left to right above a label each, which may be empty, below round numbers."""
    ticks = _ticks(max([*counts, 1]))
    step, base = (WIDTH - LEFT) / len(counts), HEIGHT - BOTTOM
    scale = (base - 10) / ticks[-1]
    parts = [_tick(base - tick * scale, tick) for tick in ticks]
    for index, (count, label, title) in enumerate(zip(counts, labels, titles, strict=True)):
        x = LEFT + index * step
        parts.append(_rect(x + step * 0.08, base - count * scale, step * 0.84, count * scale, 1, title))
        parts.append(_text(x + step / 2, HEIGHT - 12, label, "middle"))
    return _svg(HEIGHT, *parts)


def _ticks(most: int) -> list[int]:
    """Round numbers from 0 to the first that is not below `most`: steps of 1, 2 or 5 times a power of ten."""
    power = 10 ** max(len(str(most)) - 2, 0)
    step = next(unit * power for unit in (1, 2, 5, 10, 20, 50) if unit * power * 4 >= most)
    return [*range(0, most + step, step)]


def _tick(y: float, value: int) -> str:
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + _text(LEFT - 8, y + 4, f"{value:,}", "end")


def _over_time(times: Sequence[datetime.datetime], counts: dict[datetime.datetime, int]) -> str:
    if not times:
        return ""
    titles = [f"{time:%Y-%m-%d %H:%M}: {counts.get(time, 0):,} devices" for time in times]
    return _bars([counts.get(time, 0) for time in times], _time_labels(times), titles)


def _time_labels(times: Sequence[datetime.datetime]) -> list[str]:
    """A dozen of them at most: the clock, and the date where it changes; dates alone where a step is a day."""
    is_daily = len(times) > 1 and times[1] - times[0] >= datetime.timedelta(days=1)
    every = -(-len(times) // 12)
    labels = ["" if index % every else f"{time:%H:%M}" for index, time in enumerate(times)]
    for index in range(0, len(times), every):
        if is_daily or index == 0 or times[index].date() != times[index - every].date():
            labels[index] = f"{times[index]:%b %d}"
    return labels


def _histogram(counts: Sequence[tuple[int, int]]) -> str:
    if not counts:
        return ""
    found = dict(counts)
    bins = range(min(found), max(found) + BIN, BIN)
    titles = [f"{low} to {low + BIN - 1} dBm: {found.get(low, 0):,} observations" for low in bins]
    return _bars([found.get(low, 0) for low in bins], [str(low) for low in bins], titles)


def _heat(times: Sequence[datetime.datetime], heat: Heat) -> str:
    if not heat.names:
        return ""
    left, most = 130, max(heat.cells.values())
    step = (WIDTH - left) / len(times)
    parts = []
    for row, name in enumerate(heat.names):
        parts.append(_text(left - 8, row * ROW + 13, name, "end"))
        for column, time in enumerate(times):
            if count := heat.cells.get((name, time), 0):
                title = f"{name}, {time:%Y-%m-%d %H:%M}: {count:,} devices"
                x, shade = left + column * step, _shade(count, most)
                parts.append(_rect(x, row * ROW, step - 0.5, ROW - 1, shade, title))
    labels = [
        _text(left + (index + 0.5) * step, len(heat.names) * ROW + 16, label, "middle")
        for index, label in enumerate(_time_labels(times)) if label
    ]
    return _note(f"Darkest: {most:,} devices.") + _svg(len(heat.names) * ROW + 24, *parts, *labels)


def _note(words: str) -> str:
    return f"<p>{words}</p>"


def _shade(count: int, most: int) -> float:
    """The more, the darker; the square root shows the few beside the many."""
    return 0.06 + 0.94 * math.sqrt(count / most)


def _rect(x: float, y: float, width: float, height: float, opacity: float, title: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    shade = "" if opacity == 1 else f' fill-opacity="{opacity:.2f}"'
    return f"<rect {place}{shade}><title>{escape(title)}</title></rect>"


def _positions(squares: Sequence[Square]) -> str:
    """As on a plan: x to the right, y down, as long as it is wide."""
    if not squares:
        return ""
    side, most = squares[0].side, max(square.count for square in squares)
    left, top = min(square.x for square in squares), min(square.y for square in squares)
    right, bottom = max(square.x for square in squares) + side, max(square.y for square in squares) + side
    scale = min((WIDTH - 2 * LEFT) / (right - left), TALLEST / (bottom - top))
    parts = [
        _rect(LEFT + (square.x - left) * scale, (square.y - top) * scale, side * scale, side * scale,
              _shade(square.count, most), f"{square.x:.0f}, {square.y:.0f} m: {square.count:,} observations")
        for square in squares
    ]
    width, height = (right - left) * scale, (bottom - top) * scale
    frame = f'<rect class="frame" x="{LEFT}" y="0" width="{width:.1f}" height="{height:.1f}"/>'
    corners = [
        _text(LEFT, height + 18, f"x {left:.0f}"), _text(LEFT + width, height + 18, f"{right:.0f}", "end"),
        _text(LEFT - 8, 12, f"y {top:.0f}", "end"), _text(LEFT - 8, height, f"{bottom:.0f}", "end"),
    ]
    note = _note(f"Darkest: {most:,} observations in {side:.1f} × {side:.1f} m.")
    return note + _svg(height + 26, frame, *parts, *corners)
