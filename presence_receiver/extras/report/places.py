"""Where associated devices were on the access points' plans."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from presence_receiver.extras.report.lines import Lines
from presence_receiver.extras.report.timeline import AMONG, Names, among

CELLS = (30, 20, 10, 5, 2, 1)
"""How many squares make up the longer side of a plan, at most about: the first that are not too many in all."""
MOST_SQUARES = 20_000
"""Of plans that are drawn together, about 3 MB of the page; with more, 200 access points and a week made 40 MB."""
PLACED = "abs(x) <= 1e6 AND abs(y) <= 1e6 AND NOT (x = 0 AND y = 0)"
"""0, 0 is unset, and no plan is so large."""
ASSOCIATED = f"ssid IS NOT NULL AND {PLACED}"
SQUARES = f"""SELECT ap, floor(x / side) * side AS left, floor(y / side) * side AS low, count(*)
    FROM seen JOIN (SELECT unnest($1::VARCHAR[]) AS name, unnest($2::DOUBLE[]) AS side) ON coalesce(ap, '') = name
    WHERE {ASSOCIATED} GROUP BY 1, 2, 3"""


@dataclasses.dataclass(frozen=True)
class Map:
    """Where associated devices were on an access point's plan, in metres from its left and lower edge.

    `squares` has how many observations there were by the least x and y of each square, `side` is that of a square in
    metres, a round number; `mark` is the access point.
    """

    name: str | None
    side: float
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

    def maps(self, names: Names) -> list[Map]:
        """Return a map for each of those access points.

        The coordinates of devices that are not associated are their access point's, which is how its own are known.
        """
        some = among(names)
        sides, found = self._squares(some)
        squares: dict[Any, dict[tuple[float, float], int]] = {}
        for name, x, y, count in found:
            squares.setdefault(name, {})[x, y] = count
        marks = {name: tuple(place) for name, *place in self._lines.rows(f"""
            SELECT ap, x, y FROM seen WHERE ssid IS NULL AND {PLACED} AND {AMONG} GROUP BY 1, 2, 3
            QUALIFY row_number() OVER (PARTITION BY ap ORDER BY count(*) DESC, x, y) = 1""", some)}
        return [Map(name, side, marks.get(name), squares[name]) for name, side in zip(names, sides)]

    def _squares(self, names: list[str]) -> tuple[list[float], list[Any]]:
        """Return the side of each access point's squares, and name, x, y and observations of all of them, in order."""
        extents = dict(self._lines.rows(f"""
            SELECT coalesce(ap, ''), greatest(max(x) - min(x), max(y) - min(y)) FROM seen
            WHERE {ASSOCIATED} AND {AMONG} GROUP BY 1""", names))
        for cells in CELLS:
            sides = [_round_number(extents[name] / cells) for name in names]
            [(count,)] = self._lines.rows(f"SELECT count(*) FROM ({SQUARES})", names, sides)
            if count <= MOST_SQUARES:
                break
        return sides, self._lines.rows(f"{SQUARES} ORDER BY 1, 2, 3", names, sides)


def _round_number(least: float) -> float:
    """Return the least of half a metre, 1, 2, 5, 10, 20, 50 … that is not less."""
    return next(number for number in _round_numbers() if number >= least)


def _round_numbers() -> Iterator[float]:
    """Yield half a metre, 1, 2, 5, 10, 20, 50 …"""
    yield 0.5
    power = 1
    while True:
        yield from (unit * power for unit in (1.0, 2.0, 5.0))
        power *= 10
