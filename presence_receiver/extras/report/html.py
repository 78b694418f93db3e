"""The parts of a page: a section, a table, what a click shows."""
from __future__ import annotations

from collections.abc import Sequence
from html import escape

SHOWN = 10
"""Rows of a table that stand there at once."""

Rows = Sequence[Sequence[str]]


def section(title: str, *parts: str) -> str:
    """Return a title and what stands below it."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def note(words: str) -> str:
    """Return a sentence."""
    return f"<p>{escape(words)}</p>"


def more(summary: str, *parts: str) -> str:
    """Return what a click shows."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def table(caption: str, header: Sequence[str], rows: Rows) -> str:
    """Return a table that scrolls for itself where the screen is too narrow; the first cell of a row is its name."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows)
    name = f'aria-label="{escape(caption)}"'
    return (f'{note(caption)}<div class="scroll" tabindex="0" role="region" {name}><table {name}>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")


def behind(caption: str, header: Sequence[str], rows: Rows) -> str:
    """Return the table behind a plot."""
    return more("As a table", table(caption, header, rows))


def top(caption: str, things: str, header: Sequence[str], rows: Rows) -> str:
    """Return the first rows of a table, how many they are of all, and the rest by a click."""
    if len(rows) <= SHOWN:
        return table(caption, header, rows)
    rest = rows[SHOWN:]
    return (table(f"{caption}: the first {SHOWN} of {len(rows):,} {things}", header, rows[:SHOWN])
            + more(f"The other {len(rest):,} {things}", table(f"{caption}, the rest", header, rest)))
