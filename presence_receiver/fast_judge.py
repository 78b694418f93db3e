"""The schemas' equal at C speed, derived from them, for what HiveManager normally sends.

Whatever this accepts, the schemas accept with the same line; what it refuses, they judge (it refuses some
rare good forms too). msgspec checks types and ranges while it decodes; the rules for which it would call
Python on every value (patterns, addresses) are checked here for many observations at once.
"""
from __future__ import annotations

import itertools
import operator
import re
import socket
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from marshmallow import Schema, fields, validate
from msgspec import UNSET, Meta, UnsetType

from presence_receiver.delivery import loaded
from presence_receiver.schemas import (
    LINE_FIELDS, MAC, NO_NUMBER, TIME, Coordinate, DeviceObserverSchema, ObservationSchema, ReportSchema,
)

REFUSALS = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises for what is not fast, be it good, bad or no JSON."""

Int64 = Annotated[int, Meta(ge=-2**63, le=2**63 - 1)]
"""Signed, because msgspec's bounds go no further."""


COORDINATES = [name for name, field in ObservationSchema._declared_fields.items() if isinstance(field, Coordinate)]


def _type(field: fields.Field[Any]) -> Any:
    """The msgspec type that takes no more than the field does; patterns and addresses are checked later."""
    if isinstance(field, Coordinate):
        return _bounded(int, field) | _bounded(float, field) | Literal[NO_NUMBER]
    if isinstance(field, fields.Integer):
        return _bounded(int, field)
    if isinstance(field, fields.List):
        return list[dict[str, Int64 | float | str | list[Int64] | None]]
    return Int64 | str if type(field) is fields.Raw else str


def _bounded(kind: type, field: fields.Field[Any]) -> Any:
    """The kind of number within the field's range, and integers within 64 bits."""
    ranges = [rule for rule in field.validators if isinstance(rule, validate.Range)]
    least = [rule.min for rule in ranges if rule.min is not None]
    most = [rule.max for rule in ranges if rule.max is not None]
    if kind is int:
        least, most = [*least, -2**63], [*most, 2**63 - 1]
    return Annotated[kind, Meta(ge=max(least, default=None), le=min(most, default=None))]


def _member(name: str, field: fields.Field[Any]) -> tuple[Any, ...]:
    if field.required:
        return name, _type(field)
    if isinstance(field, fields.List):
        return name, _type(field) | UnsetType, UNSET
    return name, _type(field) | None, None


def _struct(schema: type[Schema], names: Iterable[str], *first: tuple[Any, ...], strict: bool = False) -> Any:
    """A struct with the schema's fields of these names; `strict` refuses any other."""
    members = [_member(name, schema._declared_fields[name]) for name in names]
    return msgspec.defstruct(
        schema.__name__.removesuffix("Schema"), [*first, *members],
        kw_only=True, gc=False, forbid_unknown_fields=strict,
    )


_RECEIVED_AT = ("receivedAt", Any, None)
Observation: Any = _struct(ObservationSchema, LINE_FIELDS, _RECEIVED_AT, strict=True)
"""An observation on its way to a line; encoded, it is one, once it has the delivery's three fields."""

_Known: Any = _struct(ObservationSchema, LINE_FIELDS, _RECEIVED_AT)
_Head: Any = _struct(ReportSchema, ["ownerId", "apMac"], strict=True)
_DeviceObserver: Any = _struct(DeviceObserverSchema, ["apMac", "rssi"])
_decoder = msgspec.json.Decoder(list[Observation])


def head(report: Any) -> tuple[Any, Any]:
    """The plain report's `ownerId` and `apMac`; REFUSALS where it has any other field or is none."""
    if not isinstance(report, dict) or not isinstance(report.get("observations"), msgspec.Raw):
        raise msgspec.ValidationError("No report with observations that are yet to be decoded.")
    plain = msgspec.convert(
        {name: loaded(value) for name, value in report.items() if name != "observations"}, _Head
    )
    if plain.apMac is not None and not _all_match(_MACS, [plain.apMac]):
        raise msgspec.ValidationError("No MAC address.")
    return plain.ownerId, plain.apMac


def decoded(observations: msgspec.Raw) -> list[Any]:
    """The JSON array as Observations; REFUSALS where one of them is not plain."""
    found: list[Any] = _decoder.decode(observations)
    text = bytes(observations)
    if b'NaN"' in text or b'Infinity"' in text or b"\\u" in text:
        clear_coordinates(found)
    return found


def accepted(objects: Sequence[Any]) -> list[Any]:
    """For each decoded JSON object its Observation, without unknown fields; None where the schemas must judge."""
    try:
        known = msgspec.convert(objects, list[_Known])
        if are_good(known):
            clear_coordinates(known)
            return known
    except REFUSALS:
        pass
    return [None] if len(objects) == 1 else [accepted([seen])[0] for seen in objects]


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


def are_good(observations: Sequence[Any]) -> bool:
    """Whether the rules hold that decoding has not checked, for all of these Observations."""
    return (
        _all_match(_MACS, [seen.clientMac for seen in observations])
        and _all_match(_MACS, [seen.apMac for seen in observations if seen.apMac is not None])
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
    if not values:
        return True
    joined = "\n".join(values) + "\n"
    return joined.count("\n") == len(values) and many.fullmatch(joined) is not None


def _are_dated(observations: Sequence[Any]) -> bool:
    times = [seen.seenTime for seen in observations if seen.seenTime is not None]
    if len(times) < len(observations):
        if any(seen.seenTime is None and seen.seenEpoch is None for seen in observations):
            return False
    return _all_match(_TIMES, times)


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
    return _all_match(_MACS, [observer.apMac for observer in observers if observer.apMac is not None])
