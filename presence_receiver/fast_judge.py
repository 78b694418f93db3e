"""The schemas' equal at C speed, derived from them, for what HiveManager normally sends.

Whatever this accepts, the schemas accept with the same line; what it refuses, they judge (it refuses some
rare good forms too). msgspec checks types and ranges while it decodes; the rules for which it would call
Python on every value (patterns, addresses) are checked here for many observations at once.
"""
from __future__ import annotations

import datetime
import functools
import itertools
import operator
import re
import socket
import types
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import UNSET

from presence_receiver.delivery import loaded
from presence_receiver.derived_types import observation, struct
from presence_receiver.schemas import (
    LINE_FIELDS, MAC, TIME, Coordinate, DeviceObserverSchema, ObservationSchema, ReportSchema,
)

REFUSALS = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for what is not fast, be it good, bad or no JSON."""

Head = tuple[Any, Any]
"""A report's `ownerId` and `apMac`."""

OURS = frozenset({"receivedAt", *LINE_FIELDS})
"""The names that a line has of its own."""

COORDINATES = [name for name, field in ObservationSchema._declared_fields.items() if isinstance(field, Coordinate)]


def _list_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(types.GenericAlias(list, (kind,)))


Observation: Any = observation(has_words=True, is_strict=True)
"""Any observation, without fields that we do not know."""

_Known: Any = observation(has_words=True, is_strict=False)
_PlainHead: Any = struct(ReportSchema, ["ownerId", "apMac"], is_strict=True)
_DeviceObserver: Any = struct(DeviceObserverSchema, ["apMac", "rssi"], is_strict=False)
_HEX, _DECIMAL = (str.maketrans(digits, "0" * len(digits)) for digits in ("123456789ABCDEFabcdef", "123456789"))
_USUAL_TIME = "0000-00-00T00:00:00.000Z"
_splitter = msgspec.json.Decoder(list[msgspec.Raw])
_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


def head(report: Any) -> Head:
    """The plain report's, yet to be checked by `are_good`; REFUSALS where it has any other field or is none."""
    if not isinstance(report, dict) or not isinstance(report.get("observations"), msgspec.Raw):
        raise msgspec.ValidationError("No report with observations that are yet to be decoded.")
    plain = msgspec.convert(
        {name: loaded(value) for name, value in report.items() if name != "observations"}, _PlainHead
    )
    return plain.ownerId, plain.apMac


def decoded(observations: msgspec.Raw) -> list[Any]:
    """The JSON array as observations, yet to be checked by `are_good`; REFUSALS where one of them is not plain."""
    with suppress(*REFUSALS):
        return _decoder((), has_words=False).decode(observations)
    unknown = _unknown_names(observations)
    with suppress(*REFUSALS):
        if unknown:
            return _decoder(unknown, has_words=False).decode(observations)
    found = _decoder(unknown, has_words=True).decode(observations)
    clear_coordinates(found)
    return found


def _unknown_names(observations: msgspec.Raw) -> tuple[str, ...]:
    """The names in the first observation that no schema has: a feed's observations are mostly all alike."""
    each = _splitter.decode(observations)
    return tuple(name for name in _names.decode(each[0]) if name not in OURS) if each else ()


@functools.lru_cache(64)
def _decoder(unknown: tuple[str, ...], has_words: bool) -> msgspec.json.Decoder[list[Any]]:
    """Takes these fields too; `has_words`, coordinates that say that they are no number."""
    return _list_decoder(observation(unknown, has_words=has_words, is_strict=True))


def accepted(objects: Sequence[Any]) -> list[Any]:
    """For each decoded JSON object its Observation, without unknown fields; None where the schemas must judge."""
    try:
        known = msgspec.convert(objects, list[_Known])
        if are_good(known):
            clear_coordinates(known)
            return known
    except REFUSALS:
        pass
    half = len(objects) // 2
    return accepted(objects[:half]) + accepted(objects[half:]) if half else [None] * len(objects)


def clear_coordinates(observations: Sequence[Any]) -> None:
    """Null for every coordinate that says in words that it is no number."""
    values = map(operator.attrgetter(*COORDINATES), observations)
    if str not in set(map(type, itertools.chain.from_iterable(values))):
        return
    for seen, name in itertools.product(observations, COORDINATES):
        if type(getattr(seen, name)) is str:
            setattr(seen, name, None)


def place(observations: Iterable[Any], received_at: str, owner_id: Any, ap_mac: Any) -> None:
    """Give Observations what is known of their delivery and their report; their own values win."""
    for seen in observations:
        seen.receivedAt = received_at
        if seen.ownerId is None:
            seen.ownerId = owner_id
        if seen.apMac is None:
            seen.apMac = ap_mac


def are_good(observations: Sequence[Any], heads: Iterable[Head] = ()) -> bool:
    """Whether the rules hold that decoding has not checked, for all of these Observations and reports."""
    return (
        _are_macs([seen.clientMac for seen in observations])
        and _are_macs([seen.apMac for seen in observations if seen.apMac is not None])
        and _are_macs([ap_mac for _, ap_mac in heads if ap_mac is not None])
        and _are_dated(observations)
        and _are_addresses(socket.AF_INET, {seen.ipv4 for seen in observations})
        and _are_addresses(socket.AF_INET6, {seen.ipv6 for seen in observations})
        and _have_good_observers(observations)
    )


def _many(pattern: str) -> re.Pattern[str]:
    """A pattern for any number of values, each with a newline behind it, of a pattern that ends in \\Z."""
    one = pattern.removesuffix(r"\Z")
    return re.compile(f"(?:{one}\n)*+")


_MACS, _TIMES = _many(MAC), _many(TIME)


def _all_match(many: re.Pattern[str], values: Sequence[str]) -> bool:
    joined = "\n".join([*values, ""])
    return joined.count("\n") == len(values) and many.fullmatch(joined) is not None


def _all_have(shape: str, digits: dict[int, int], values: Sequence[str]) -> bool:
    """Whether all values are of the shape, which has a 0 for each of the digits; far faster than a pattern."""
    return "\n".join(values).translate(digits) == "\n".join([shape] * len(values))


def _are_macs(values: Sequence[str]) -> bool:
    """Whether all match MAC; it takes any hex digit for any other, so of values of one shape it need see but that."""
    if not values:
        return True
    shape = values[0].translate(_HEX)
    return _all_match(_MACS, [shape] if _all_have(shape, _HEX, values) else values)


def _are_times(values: Sequence[str]) -> bool:
    """Whether all match TIME: of the usual shape, all that are moments do."""
    if not _all_have(_USUAL_TIME, _DECIMAL, values):
        return _all_match(_TIMES, values)
    try:
        msgspec.convert(values, list[datetime.datetime])
    except msgspec.ValidationError:
        return False
    return True


def _are_dated(observations: Sequence[Any]) -> bool:
    times = [seen.seenTime for seen in observations if seen.seenTime is not None]
    if len(times) < len(observations):
        if any(seen.seenTime is None and seen.seenEpoch is None for seen in observations):
            return False
    return _are_times(times)


def _are_addresses(family: int, values: Iterable[str | None]) -> bool:
    """Whether all are addresses to the C library, which takes no more than marshmallow does."""
    try:
        for value in values:
            if value is not None:
                socket.inet_pton(family, value)
    except (OSError, ValueError):
        return False
    return True


def _have_good_observers(observations: Sequence[Any]) -> bool:
    lists = [seen.deviceObservers for seen in observations if seen.deviceObservers is not UNSET]
    if not lists:
        return True
    try:
        observers = msgspec.convert(list(itertools.chain.from_iterable(lists)), list[_DeviceObserver])
    except msgspec.ValidationError:
        return False
    return _are_macs([observer.apMac for observer in observers if observer.apMac is not None])
