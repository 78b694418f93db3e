"""What a delivery holds: the body's bytes in, its reports out. JSON and the body shapes.

Knows nothing of what a good observation is.
"""
from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from presence_receiver.budgets import Budget
from presence_receiver.validation.slow_decoder import TooCostly, slowly_loaded

Fields = dict[str, Any]
"""A JSON object; values that nobody has needed yet are msgspec.Raw: see `loaded`."""

DECODING = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the fast decoder raises for what it does not take, be it good, bad or no JSON."""


PARTS_OF_A_REPORT = 5
"""What a report that is not fast takes of memory, in parts of JSON (see `budgets.MOST_PARTS`)."""


class Usual(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object with the names that HiveManager gives a delivery or a report, and no others; costs little memory."""

    data: Raw | UnsetType = UNSET
    ownerId: Raw | UnsetType = UNSET
    apMac: Raw | UnsetType = UNSET
    observations: Raw | UnsetType = UNSET


class Empty(msgspec.Struct, gc=False):
    """Any object, with nothing of it."""


_parts = msgspec.json.Decoder(dict[str, Raw] | list[dict[str, Raw]])
_usual_parts = msgspec.json.Decoder(Usual | list[Usual])
_objects = msgspec.json.Decoder(list[Empty])
_splitter = msgspec.json.Decoder(list[Raw])


def reports(body: bytes, budget: Budget) -> list[Any]:
    """Return the reports in a body of any shape; what stands in a report's place without being one is there too.

    A report's values may be msgspec.Raw. BadDelivery where the body is not JSON, TooCostly where it has too many parts
    of unusual names.
    """
    try:
        return _reports(_decoded(body, budget), budget)
    except DECODING:
        return _reports(slowly_loaded(body, budget), budget)


def _decoded(text: bytes, budget: Budget) -> Any:
    """Return an object, or a list of them, with values that are Raw; raise what is in DECODING where it is neither."""
    if budget.takes(text):
        return _parts.decode(text)
    found = _usual_parts.decode(text)
    budget.rest()
    if not isinstance(found, list):
        return _fields(found, budget)
    if not budget.takes_count(len(found) * PARTS_OF_A_REPORT):
        raise TooCostly
    return [_fields(part, budget) for part in found]


def _fields(part: Usual, budget: Budget) -> Fields:
    budget.rest()
    return {name: value for name, value in msgspec.structs.asdict(part).items() if value is not UNSET}


def _reports(top: Any, budget: Budget) -> list[Any]:
    if not isinstance(top, dict) or "data" not in top or "observations" in top:
        return _as_list(top)
    siblings = {name: value for name, value in top.items() if name != "data"}
    parts = _as_list(_parts_in(top["data"], budget))
    return [_merged(siblings, part) for part in parts] or [siblings | {"observations": []}]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parts_in(data: Any, budget: Budget) -> Any:
    if not isinstance(data, Raw):
        return data
    try:
        return _decoded(bytes(data), budget)
    except DECODING:
        return loaded(data, budget)


def _merged(siblings: Fields, part: Any) -> Any:
    """Return a report with what stood beside `data`, as `report.<name>` where its name is taken.

    Where that is taken too, or the part is no object, return what is no report but has all of it.
    """
    if not isinstance(part, dict):
        return siblings | {"data": part} if siblings else part
    taken = {name: value for name, value in siblings.items() if name in part and not is_same(value, part[name])}
    renamed = {f"report.{name}": value for name, value in taken.items()}
    if renamed.keys() & (siblings.keys() | part.keys()):
        return siblings | {"data": part}
    return siblings | part | renamed


def is_same(one: Any, other: Any) -> bool:
    """Return whether two JSON values, both Raw or both loaded, are the same; `1`, `1.0` and `true` are not."""
    if isinstance(one, Raw) and isinstance(other, Raw):
        return bytes(one) == bytes(other)
    return type(one) is type(other) and repr(one) == repr(other)


def split(observations: Any, budget: Budget) -> list[Any]:
    """Return the members of a JSON array, each as Raw, or of a list; TooCostly where they are or may be too many."""
    if not isinstance(observations, Raw):
        return list(observations)
    text = bytes(observations)
    if not budget.takes(text) and not (budget.takes_count(text.count(b"{")) and _are_objects(text)):
        raise TooCostly
    return _splitter.decode(text)


def _are_objects(text: bytes) -> bool:
    try:
        _objects.decode(text)
    except DECODING:
        return False
    return True


def loaded(value: Any, budget: Budget) -> Any:
    """Return the value itself, of what may be msgspec.Raw. BadDelivery where it is not JSON; TooCostly."""
    if not isinstance(value, Raw):
        return value
    text = bytes(value)
    if not budget.takes(text):
        raise TooCostly
    try:
        return msgspec.json.decode(text)
    except DECODING:
        return slowly_loaded(text, budget)


def members(report: Any, budget: Budget) -> Any:
    """Return a report's observations, each perhaps Raw; what is there instead, where they are no list; TooCostly."""
    found = report.get("observations", ()) if isinstance(report, dict) else ()
    if isinstance(found, Raw) and bytes(memoryview(found)[:1]) != b"[":
        found = loaded(found, budget)
    return split(found, budget) if isinstance(found, Raw | list) else found


def own_fields(report: Any, budget: Budget) -> Any:
    """Return a report without its observations; what is there instead, where it is none; TooCostly."""
    if not isinstance(report, dict):
        return loaded(report, budget)
    return {name: loaded(value, budget) for name, value in report.items() if name != "observations"}


class TooLong(Exception):
    """More bytes than are to be decoded at once."""


def loaded_together(members: list[Any], most: int, budget: Budget) -> list[Any]:
    """Return the values of some that `split` gave; TooLong where several have more bytes than `most`."""
    if not isinstance(members[0], Raw):
        return members
    text = b"[" + b",".join(members) + b"]"
    if len(text) > most and len(members) > 1:
        raise TooLong
    found: list[Any] = loaded(Raw(text), budget)
    return found
