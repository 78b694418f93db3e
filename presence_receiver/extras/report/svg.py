"""The parts of a plot as SVG: words, rectangles, axes, a shade for a count.

Across, plots are measured in per cent, so that they fill any screen while their words keep their size; down, in pixels.
"""
from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from html import escape

ABOVE, BELOW = 26, 26
"""Pixels above and below the plot's area, for the names of its axes and for its labels."""
SHADES = 6
"""How many shades the style sheet has; the classes are s1, the lightest, to s6."""


def percent(share: float) -> str:
    """Return a share of the width."""
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + "%"


def drawing(name: str, height: float, *parts: str, kind: str = "plot") -> str:
    """Return a plot with a name for who cannot see it."""
    return (f'<svg class="{kind}" role="img" aria-label="{escape(name)}" width="100%" height="{height:.0f}">'
            f'{"".join(parts)}</svg>')


def text(x: str, y: float, words: str, kind: str = "") -> str:
    """Return words at a place; `kind` is a class of the style sheet."""
    return f'<text x="{x}" y="{y:.0f}" class="{kind}">{escape(words)}</text>'


def rect(x: str, y: float, width: str, height: float, kind: str, title: str = "") -> str:
    """Return a rectangle that says its title to the mouse."""
    words = f"<title>{escape(title)}</title>" if title else ""
    top = round(y, 1)
    tall = round(y + height, 1) - top  # both ends are rounded: where one begins at another's, there is no slit
    return f'<rect x="{x}" y="{top:.1f}" width="{width}" height="{tall:.1f}" class="{kind}">{words}</rect>'


def line_down(x: str, top: float, bottom: float) -> str:
    """Return a tick of an axis across."""
    return f'<line class="grid" x1="{x}" x2="{x}" y1="{top:.0f}" y2="{bottom:.0f}"/>'


def line_across(y: float) -> str:
    """Return a line of the grid."""
    return f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'


def round_step(most: int, steps: int) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 … of which so many steps reach `most`."""
    power = 1
    while True:
        for unit in (1, 2, 5):
            if unit * power * steps >= most:
                return unit * power
        power *= 10


def upright(top: float, bottom: float, most: int, name: str) -> tuple[str, float]:
    """Return an axis from 0 to a round number above `most`, with its name; and the pixels for one of what it counts."""
    step = round_step(max(most, 1), 5)
    ticks = range(0, max(most, 1) + step, step)
    scale = (bottom - top) / ticks[-1]
    parts = [text("-8", top - 14, name, "end")]
    for tick in ticks:
        y = bottom - tick * scale
        parts.append(line_across(y) + text("-8", y + 4, f"{tick:,}", "end"))
    return "".join(parts), scale


class Shades:
    """Up to six classes of counts from 1 on, of equal width, the more the stronger, with a legend.

    `counts` says how many marks have each count. What few have is all in the last class, where it is much more than the
    others: one access point that sees ten times as much would leave these in the first.
    """

    def __init__(self, counts: Mapping[int, int]) -> None:
        most, usual = max(counts), _usual(counts)
        for classes in (SHADES, SHADES - 1):
            width = round_step(usual, classes)
            all_but_few = most if most <= width * SHADES else usual
            self._uppers = [*range(width, all_but_few + width, width)]
            if self._uppers[-1] < most:
                self._uppers.append(most)
            if len(self._uppers) <= SHADES:
                break

    def of(self, count: int) -> str:
        """Return the style sheet's class for a count of 1 or more."""
        return f"s{(bisect.bisect_left(self._uppers, count) + 1) * SHADES // len(self._uppers)}"

    def legend(self, counted: str, nothing: tuple[str, str], *more: tuple[str, str]) -> str:
        """Return what each shade stands for, behind what stands for none; `more` are other classes and their words."""
        shades = [(self.of(upper), f"{lower + 1:,} to {upper:,}" if upper > lower + 1 else f"{upper:,}")
                  for lower, upper in zip([0, *self._uppers], self._uppers)]
        return legend([nothing, *shades, *more], counted)


def _usual(counts: Mapping[int, int]) -> int:
    """Return the count that 19 of 20 marks do not exceed."""
    marks, total = 0, sum(counts.values())
    for count in sorted(counts):
        marks += counts[count]
        if marks * 20 >= total * 19:
            break
    return count


def legend(entries: Sequence[tuple[str, str]], counted: str = "") -> str:
    """Return a swatch and words for each class of the style sheet."""
    items = "".join(
        f'<li><svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" class="{kind}"/></svg>'
        f" {escape(words)}</li>" for kind, words in entries)
    return f'<ul class="legend">{f"<li>{escape(counted)}:</li>" if counted else ""}{items}</ul>'
