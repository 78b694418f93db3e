"""Where associated devices were on the access points' plans."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from presence_receiver.extras.report.lines import Lines
from presence_receiver.extras.report.timeline import AMONG, Names, among

CELLS = 30
"""How many squares make up the longer side of a usual plan, at most about."""
MOST_SQUARES = 20_000
"""Of plans that are drawn together, about 3 MB of the page; with more, 200 access points and a week made 40 MB."""
PLACED = "abs(x) <= 1e6 AND abs(y) <= 1e6 AND NOT (x = 0 AND y = 0)"
"""0, 0 is unset, and no plan is so large."""
ASSOCIATED = f"ssid IS NOT NULL AND {PLACED}"


@dataclasses.dataclass(frozen=True)
class Map:
    """Where associated devices were on an access point's plan, in metres from its left and lower edge.

    `squares` has how many observations there were by the least x and y of each square; `mark` is the access point.
    """

    name: str | None
    mark: tuple[float, float] | None
    squares: dict[tuple[float, float], int]


def extent(low: float, side: float) -> str:
    """Return in words where a square begins and ends, in metres; on a plan each has other words."""
    return f"{low:.9g} to {low + side:.9g}"


class Places:
    """The access points that have a plan, most observations first."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.names: Names = [name for name, in lines.rows(
            f"SELECT ap FROM seen WHERE {ASSOCIATED} GROUP BY 1 ORDER BY count(*) DESC, 1")]

    def maps(self, names: Names) -> tuple[float, list[Map]]:
        """Return a square's side in metres, a round number, and a map for each of those access points.

        The coordinates of devices that are not associated are their access point's, which is how its own are known.
        """
        some = among(names)
        side = self._side(some)
        squares: dict[Any, dict[tuple[float, float], int]] = {}
        for name, x, y, count in self._lines.rows(f"""
                SELECT ap, floor(x / $2) * $2, floor(y / $2) * $2, count(*) FROM seen
                WHERE {ASSOCIATED} AND {AMONG} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""", some, side):
            squares.setdefault(name, {})[x, y] = count
        marks = {name: tuple(place) for name, *place in self._lines.rows(f"""
            SELECT ap, x, y FROM seen WHERE ssid IS NULL AND {PLACED} AND {AMONG} GROUP BY 1, 2, 3
            QUALIFY row_number() OVER (PARTITION BY ap ORDER BY count(*) DESC, x, y) = 1""", some)}
        return side, [Map(name, marks.get(name), squares[name]) for name in names]

    def _side(self, names: list[str]) -> float:
        """Return a round number: a usual map has at most CELLS to a side then, and all have at most MOST_SQUARES."""
        [(extent,)] = self._lines.rows(f"""SELECT median(extent) FROM (
            SELECT greatest(max(x) - min(x), max(y) - min(y)) AS extent
            FROM seen WHERE {ASSOCIATED} AND {AMONG} GROUP BY ap)""", names)
        return next(side for side in _round_numbers() if side * CELLS >= extent
                    and (side > extent or self._square_count(side, names) <= MOST_SQUARES))

    def _square_count(self, side: float, names: list[str]) -> int:
        [(count,)] = self._lines.rows(f"""SELECT count(*) FROM (SELECT DISTINCT ap, floor(x / $2), floor(y / $2)
            FROM seen WHERE {ASSOCIATED} AND {AMONG})""", names, side)
        return int(count)


def _round_numbers() -> Iterator[float]:
    """Yield half a metre, 1, 2, 5, 10, 20, 50 …"""
    yield 0.5
    power = 1
    while True:
        yield from (unit * power for unit in (1.0, 2.0, 5.0))
        power *= 10
