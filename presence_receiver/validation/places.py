"""Where a value goes that stands in a second place or under a taken name: nothing of a delivery vanishes."""
from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from presence_receiver.lines import Errors
from presence_receiver.validation.observation import OURS
from presence_receiver.validation.reports import is_same

Fields = dict[str, Any]

SECOND_PLACE = "Looks like a report in a second place: its observations would be lost here."
TAKEN = "The name is needed for a value whose own name is taken, and was sent too."


def strays(fields: Fields, has_observations: bool) -> Errors:
    """Return an error for each field of a report that itself looks like a report.

    Without observations no line shows the fields, so what looks like an observation is one of them too.
    """
    marks = {"observations"} if has_observations else {"observations", "clientMac"}
    return {
        name: [SECOND_PLACE] for name, value in fields.items()
        if name in marks and value is not None or _has_mark(value, marks)
    }


def _has_mark(value: Any, marks: set[str]) -> bool:
    if isinstance(value, dict):
        return not marks.isdisjoint(value) or any(_has_mark(inner, marks) for inner in value.values())
    return isinstance(value, list) and any(_has_mark(inner, marks) for inner in value)


def renamed(fields: Fields, seen: Fields) -> Fields:
    """Return, under the names that they get in the line, a report's and its observation's values whose name is taken.

    `null` counts as missing, and so does a report's `ownerId` or `apMac` that the observation repeats.
    """
    found = {} if seen.get("receivedAt") is None else {"sent.receivedAt": seen["receivedAt"]}
    for name, value in fields.items():
        if value is not None and _is_taken(name, value, seen):
            found[f"report.{name}"] = value
    return found


def _is_taken(name: str, value: Any, seen: Fields) -> bool:
    if name in ("ownerId", "apMac"):
        return seen.get(name) is not None and not is_same(seen[name], value)
    return name in OURS or name in seen


def clashes(fields: Fields, seen: Fields) -> Errors:
    """Return an error for each name that `renamed` needs and that was sent too."""
    return {name: [TAKEN] for name in renamed(fields, seen) if name in fields or name in seen}


def beside(fields: Fields, observations: Sequence[Fields], order: dict[str, int]) -> list[Fields]:
    """Return for each observation what stands in its line behind the fields that a line has of its own.

    The report's come first, then the observation's, in the order that they have in its report as far as it is known.
    """
    free = [name for name in fields if name not in OURS]
    names = sorted(unknown_names(observations), key=lambda name: order.get(name, len(order)))
    return [
        {name: fields[name] for name in free if name not in seen}
        | {name: seen[name] for name in names if name in seen} | renamed(fields, seen)
        for seen in observations
    ]


def unknown_names(observations: Sequence[Any]) -> list[str]:
    """Return the names that no schema has, in the order in which these observations first have them."""
    names = itertools.chain.from_iterable(seen for seen in observations if isinstance(seen, dict))
    return [name for name in dict.fromkeys(names) if name not in OURS]
