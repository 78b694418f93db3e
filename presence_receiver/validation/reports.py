"""What a delivery holds: the body's bytes in, its reports out. JSON and the body shapes.

Knows nothing of what a good observation is.
"""
from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from presence_receiver.errors import BadDelivery
from presence_receiver.validation.schemas import LARGEST, SMALLEST

Fields = dict[str, Any]
"""A JSON object; values that nobody has needed yet are msgspec.Raw: see `loaded`."""

_parts = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]])


class Unstorable(str):
    """The text of a number that neither a double nor 64 bits hold; no encoder of ours accepts it."""


def reports(body: bytes) -> list[Any]:
    """The reports in a body of any shape; what stands in a report's place without being one is there too.

    A report's values may be msgspec.Raw. BadDelivery where the body is not JSON.
    """
    try:
        return _reports(_parts.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _reports(slowly_loaded(body))


def _reports(top: Any) -> list[Any]:
    if isinstance(top, dict) and "data" in top and "observations" not in top:
        siblings = {name: value for name, value in top.items() if name != "data"}
        return [_merged(siblings, part) for part in _as_list(_parts_in(top["data"]))]
    return _as_list(top)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parts_in(data: Any) -> Any:
    if not isinstance(data, msgspec.Raw):
        return data
    try:
        return _parts.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return loaded(data)


def _merged(siblings: Fields, part: Any) -> Any:
    """A report with the fields that stood beside `data`, as far as their names are free."""
    return siblings | part if isinstance(part, dict) else part


def loaded(value: Any) -> Any:
    """The value itself, of what may be msgspec.Raw. BadDelivery where it is not JSON."""
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return slowly_loaded(bytes(value))


def slowly_loaded(body: bytes) -> Any:
    """What the fast decoder refuses but JSON allows: lone surrogates, and numbers beyond what we store.

    Such a number comes as Unstorable. BadDelivery where the body is not JSON, or nested too deep to be handled.
    """
    try:
        return _slow.decode(body.decode())
    except ValueError as error:
        raise BadDelivery(f"The body is not JSON: {_reason(error)}.", body) from None
    except RecursionError:
        raise BadDelivery("The body is not JSON that we can read: it is nested too deep.", body) from None


def fault(body: bytes) -> str:
    """Why the body is not JSON, in a sentence."""
    try:
        slowly_loaded(body)
    except BadDelivery as error:
        return str(error)
    return "The body is not JSON."


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at byte {len(error.doc[:error.pos].encode())}"
    if isinstance(error, UnicodeDecodeError):
        return f"invalid UTF-8 at byte {error.start}"
    return str(error)


def _constant(token: str) -> None:
    raise ValueError(f"{token} is no JSON value")


def _integer(token: str) -> int | Unstorable:
    """An integer, unless it has more digits than 64 bits hold."""
    value = int(token) if len(token) <= len(str(SMALLEST)) else LARGEST + 1
    return value if SMALLEST <= value <= LARGEST else Unstorable(token)


def _double(token: str) -> float | Unstorable:
    value = float(token)
    return value if math.isfinite(value) else Unstorable(token)


_slow = json.JSONDecoder(parse_int=_integer, parse_float=_double, parse_constant=_constant)
