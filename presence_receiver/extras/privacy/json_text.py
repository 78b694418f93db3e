"""JSON changed in its text, string by string: what a delivery holds may be more than may be decoded.

Numbers, arrays, objects and what stands between them stay as they are to the byte.
"""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from presence_receiver.budgets import Budget

_STRING = r'"(?:[^"\\]|\\.)*+"'
_PARTS = re.compile(rf'({_STRING})(?:(\s*:\s*)({_STRING}|[^\s"\[\]{{}},]++)?)?', re.DOTALL)
"""A string; with a colon behind it, a name; then its value too, where that is no array and no object."""

_BRACKETS = re.compile(rf"{_STRING}|[\[{{]|[\]}}]", re.DOTALL)


class Changes(NamedTuple):
    """What becomes of a string, and of the value with a name: JSON each.

    The value is None for an array or an object; where that is None too, it is gone into.
    """

    string: Callable[[str], str]
    value: Callable[[str, str | None], str | None]


def changed(text: str, changes: Changes) -> str:
    """Return the JSON with its changes; others may go on meanwhile."""
    return "".join(_pieces(text, changes))


def _pieces(text: str, changes: Changes) -> Iterator[str]:
    rest, end = Budget(rests=True).rest, 0
    while part := _PARTS.search(text, end):
        rest()
        yield text[end:part.start()]
        string, colon, value = part.groups()
        end = part.end()
        yield changes.string(string)
        if colon:
            yield colon
            shown = changes.value(loaded(string), value)
            if value is None and shown is not None:
                end = _after(text, end)
            yield shown or ""
    yield text[end:]


def loaded(string: str) -> str:
    """Return the text of a JSON string."""
    return str(json.loads(string, strict=False)) if "\\" in string else string[1:-1]


def _after(text: str, start: int) -> int:
    """Return where the array or object ends that begins at `start`; the text's end where it does not end."""
    depth = 0
    for found in _BRACKETS.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth <= 0:
            return found.end()
    return len(text)
