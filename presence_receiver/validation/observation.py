"""The observation as msgspec decodes and encodes it: types derived from the schemas, field by field.

They decode no more than the schemas accept. Patterns and addresses, for which msgspec would call Python on every value,
are not in them: `bulk_rules` checks those.
"""
from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from marshmallow import Schema, fields, validate
from msgspec import UNSET, Meta, UnsetType

from presence_receiver.validation.reports import is_same
from presence_receiver.validation.schemas import LINE_FIELDS, NO_NUMBER, Coordinate, ObservationSchema

OURS = frozenset({"receivedAt", *LINE_FIELDS})
"""The names that a line has of its own."""

COORDINATES = [name for name, field in ObservationSchema._declared_fields.items() if isinstance(field, Coordinate)]

Int64 = Annotated[int, Meta(ge=-2**63, le=2**63 - 1)]
"""Signed, because msgspec's bounds go no further."""

Scalar = bool | Int64 | float | str | None
Anything = Scalar | list[Scalar] | dict[str, Scalar]
"""What a field that we do not know may hold, to be judged fast."""


def _type(field: fields.Field[Any], has_words: bool) -> Any:
    """Return the msgspec type that takes no more than the field does; patterns and addresses are checked later."""
    if isinstance(field, Coordinate):
        number = _bounded(int, field) | _bounded(float, field)
        return number | Literal[NO_NUMBER] if has_words else number
    if isinstance(field, fields.Integer):
        return _bounded(int, field)
    if isinstance(field, fields.List):
        return list[dict[str, Int64 | float | str | list[Int64] | None]]
    return Int64 | str if type(field) is fields.Raw else str


def _bounded(kind: type, field: fields.Field[Any]) -> Any:
    """Return the kind of number within the field's range, and integers within 64 bits."""
    ranges = [rule for rule in field.validators if isinstance(rule, validate.Range)]
    least = [rule.min for rule in ranges if rule.min is not None]
    most = [rule.max for rule in ranges if rule.max is not None]
    if kind is int:
        least, most = [*least, -2**63], [*most, 2**63 - 1]
    return Annotated[kind, Meta(ge=max(least, default=None), le=min(most, default=None))]


def _members(schema: type[Schema], names: Iterable[str], has_words: bool) -> Iterator[tuple[Any, ...]]:
    """Yield the schema's fields of these names, for msgspec.defstruct."""
    for name in names:
        field = schema._declared_fields[name]
        kind = _type(field, has_words)
        if field.required:
            yield name, kind
        elif isinstance(field, fields.List):
            yield name, kind | UnsetType, UNSET
        else:
            yield name, kind | None, None


def struct_type(schema: type[Schema], names: Iterable[str], is_strict: bool) -> Any:
    """Return a struct with the schema's fields of these names; `is_strict` refuses any beside them."""
    name, members = schema.__name__.removesuffix("Schema"), list(_members(schema, names, has_words=False))
    return msgspec.defstruct(name, members, kw_only=True, forbid_unknown_fields=is_strict)


def observation_type(unknown: Sequence[str] = (), *, has_words: bool, is_strict: bool) -> Any:
    """Return an observation on its way to a line: encoded, it is one, once `place` has filled it in.

    `unknown` are names of fields that no schema has; `is_strict` refuses any beside them. A sender's `receivedAt` is
    refused, since `place` would write over it.
    """
    extra = {f"unknown{index}": name for index, name in enumerate(unknown)}
    return msgspec.defstruct(
        "Observation",
        [("receivedAt", None, None), *_members(ObservationSchema, LINE_FIELDS, has_words),
         *((name, Anything | UnsetType, UNSET) for name in extra)],
        rename=extra, kw_only=True, gc=False, forbid_unknown_fields=is_strict,
    )


Observation: Any = observation_type(has_words=True, is_strict=True)
"""Any observation, without fields that we do not know."""


def clear_coordinates(observations: Sequence[Any]) -> None:
    """Set to null every coordinate that says in words that it is no number."""
    values = map(operator.attrgetter(*COORDINATES), observations)
    if str not in set(map(type, itertools.chain.from_iterable(values))):
        return
    for seen, name in itertools.product(observations, COORDINATES):
        if type(getattr(seen, name)) is str:
            setattr(seen, name, None)


def place(observations: Iterable[Any], received_at: str, owner_id: Any, ap_mac: Any) -> bool:
    """Give Observations what is known of their delivery and their report; their own values win.

    Return whether each value of the report's is in every line, be it that the observation has the same.
    """
    is_whole = True
    for seen in observations:
        seen.receivedAt = received_at
        if seen.ownerId is None:
            seen.ownerId = owner_id
        elif owner_id is not None:
            is_whole = is_whole and is_same(seen.ownerId, owner_id)
        if seen.apMac is None:
            seen.apMac = ap_mac
        elif ap_mac is not None:
            is_whole = is_whole and seen.apMac == ap_mac
    return is_whole
