"""The schemas' equal at C speed, derived from them, for what HiveManager normally sends.

Whatever this accepts, the schemas accept with the same line; what it refuses, they judge (it refuses some
rare good forms too). msgspec checks types and ranges while it decodes; the rules for which it would call
Python on every value (patterns, addresses) are checked here for many observations at once.
"""
from __future__ import annotations

import functools
import itertools
import operator
import re
import socket
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from marshmallow import Schema, fields, validate
from msgspec import UNSET, Meta, UnsetType

from presence_receiver.delivery import loaded
from presence_receiver.schemas import (
    LINE_FIELDS, MAC, NO_NUMBER, TIME, Coordinate, DeviceObserverSchema, ObservationSchema, ReportSchema,
)

REFUSALS = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for what is not fast, be it good, bad or no JSON."""

Int64 = Annotated[int, Meta(ge=-2**63, le=2**63 - 1)]
"""Signed, because msgspec's bounds go no further."""


Scalar = bool | Int64 | float | str | None
Anything = Scalar | list[Scalar] | dict[str, Scalar]
"""What a field that we do not know may hold, to be judged here."""

OURS = frozenset({"receivedAt", *LINE_FIELDS})
"""The names that a line has of its own."""

COORDINATES = [name for name, field in ObservationSchema._declared_fields.items() if isinstance(field, Coordinate)]


def _type(field: fields.Field[Any], has_words: bool) -> Any:
    """The msgspec type that takes no more than the field does; patterns and addresses are checked later."""
    if isinstance(field, Coordinate):
        number = _bounded(int, field) | _bounded(float, field)
        return number | Literal[NO_NUMBER] if has_words else number
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


def _members(schema: type[Schema], names: Iterable[str], has_words: bool) -> Iterator[tuple[Any, ...]]:
    """The schema's fields of these names, for msgspec.defstruct."""
    for name in names:
        field = schema._declared_fields[name]
        kind = _type(field, has_words)
        if field.required:
            yield name, kind
        elif isinstance(field, fields.List):
            yield name, kind | UnsetType, UNSET
        else:
            yield name, kind | None, None


def _struct(schema: type[Schema], names: Iterable[str], is_strict: bool) -> Any:
    members = list(_members(schema, names, has_words=False))
    return msgspec.defstruct("Plain", members, kw_only=True, forbid_unknown_fields=is_strict)


def _observation(unknown: Sequence[str] = (), *, has_words: bool, is_strict: bool) -> Any:
    """An observation on its way to a line: encoded, it is one, once `place` has seen it.

    `unknown` are names of fields that no schema has; `is_strict` refuses any beside them.
    """
    extra = {f"unknown{index}": name for index, name in enumerate(unknown)}
    return msgspec.defstruct(
        "Observation",
        [("receivedAt", Any, None), *_members(ObservationSchema, LINE_FIELDS, has_words),
         *((name, Anything | UnsetType, UNSET) for name in extra)],
        rename=extra, kw_only=True, gc=False, forbid_unknown_fields=is_strict,
    )


def _list_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(types.GenericAlias(list, (kind,)))


Observation: Any = _observation(has_words=True, is_strict=True)
"""Any observation, without fields that we do not know."""

_Known: Any = _observation(has_words=True, is_strict=False)
_Head: Any = _struct(ReportSchema, ["ownerId", "apMac"], is_strict=True)
_DeviceObserver: Any = _struct(DeviceObserverSchema, ["apMac", "rssi"], is_strict=False)
_decoder = _list_decoder(_observation(has_words=False, is_strict=True))
_splitter = msgspec.json.Decoder(list[msgspec.Raw])
_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


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
    """The JSON array as observations, yet to be checked by `are_good`; REFUSALS where one of them is not plain."""
    found: list[Any]
    try:
        found = _decoder.decode(observations)
    except REFUSALS:
        found = _odd_decoder(_unknown_names(observations)).decode(observations)
        clear_coordinates(found)
    return found


def _unknown_names(observations: msgspec.Raw) -> tuple[str, ...]:
    """The names in the first observation that no schema has: a feed's observations are mostly all alike."""
    each = _splitter.decode(observations)
    return tuple(name for name in _names.decode(each[0]) if name not in OURS) if each else ()


@functools.lru_cache(32)
def _odd_decoder(unknown: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Takes these fields too, and coordinates that say that they are no number."""
    return _list_decoder(_observation(unknown, has_words=True, is_strict=True))


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
