"""The schemas' equal at C speed, derived from them, for what HiveManager normally sends.

Whatever this accepts, the schemas accept with the same line; what it refuses, they judge (it refuses some
rare good forms too). msgspec checks types and ranges while it decodes; the rules on texts (`bulk_rules`) are
checked afterwards, for many observations at once.
"""
from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from presence_receiver.as_sent import AsSent
from presence_receiver.budgets import Budget
from presence_receiver.validation.bulk_rules import are_good
from presence_receiver.validation.observation import OURS, clear_coordinates, observation_type, place, struct_type
from presence_receiver.validation.reports import DECODING, loaded, split
from presence_receiver.validation.schemas import ReportSchema
from presence_receiver.validation.slow_decoder import TooCostly

REFUSALS = (*DECODING, ValueError, TooCostly)
"""What decoding raises for what is not fast, be it good, bad or no JSON."""

SLICE = 10_000
"""Observations after which others may go on; about 20 ms."""

Head = tuple[Any, Any]
"""A report's `ownerId` and `apMac`."""


Piece = tuple[bytes, int]
"""Lines, and how many they are."""


def _list_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(types.GenericAlias(list, (kind,)))


_Known: Any = observation_type(has_words=True, is_strict=False)
_Head: Any = struct_type(ReportSchema, ["ownerId", "apMac"], is_strict=True)
_encoder = msgspec.json.Encoder()
_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


def judged(reports: Sequence[Any], received_at: str, budget: Budget, kept: AsSent) -> list[list[Piece] | None]:
    """Return for each report its lines, a piece for each SLICE, where all its observations are good and fast.

    None for any other report, and for one whose lines are beyond the budget. Small reports share the first one's piece.
    """
    found = [_parts(report, budget) for report in reports]
    heads = [head for head, _ in found]
    everything = [seen for _, observations in found for seen in observations or ()]
    if not _are_all_good(everything, heads, budget):
        found = [
            (head, observations if _are_all_good(observations, [head], budget) else None)
            for head, observations in found
        ]
    elif len(everything) <= SLICE and all(_is_placed(*each, received_at, budget) for each in found) \
            and kept.observations(everything):
        text = _encoder.encode_lines(everything)
        if budget.has_room(len(text)):
            budget.spend(len(text))
            return [[(text, len(everything))], *([] for _ in found[1:])]  # the first report's piece has them all
    return [_pieces(head, observations, received_at, budget, kept) for head, observations in found]


def _is_placed(head: Head, observations: Sequence[Any] | None, received_at: str, budget: Budget) -> bool:
    """Fill the Observations in; return whether their lines hold all that was sent, and there is room for the heads."""
    if observations is None or not budget.has_room(len(observations) * (len(str(head[0])) + len(str(head[1])))):
        return False
    if len(observations) <= SLICE:
        return place(observations, received_at, *head)
    return all(place(part, received_at, *head) for part in _slices(observations, budget))


def _are_all_good(observations: Sequence[Any] | None, heads: Iterable[Head], budget: Budget) -> bool:
    if observations is None:
        return False
    if len(observations) <= SLICE:
        return are_good(observations, heads)
    return are_good((), heads) and all(are_good(part) for part in _slices(observations, budget))


def _pieces(
    head: Head, observations: Sequence[Any] | None, received_at: str, budget: Budget, kept: AsSent,
) -> list[Piece] | None:
    if observations is None or not _is_placed(head, observations, received_at, budget):
        return None
    if not all(kept.observations(part) for part in _slices(observations, budget)):
        return None
    pieces: list[Piece] = []
    size = 0
    for part in _slices(observations, budget):
        pieces.append((_encoder.encode_lines(part), len(part)))
        size += len(pieces[-1][0])
        if not budget.has_room(size):
            return None
    budget.spend(size)
    return pieces


def _slices(observations: Sequence[Any], budget: Budget) -> Iterator[Sequence[Any]]:
    for start in range(0, len(observations), SLICE):
        yield observations[start:start + SLICE]
        budget.rest()


def _parts(report: Any, budget: Budget) -> tuple[Head, list[Any] | None]:
    """Return the report's head and its observations, yet to be checked; None where something in it is not fast."""
    budget.rest()
    try:
        return _head(report, budget), _decoded(report["observations"], budget)
    except REFUSALS:
        return (None, None), None


def _head(report: Any, budget: Budget) -> Head:
    """Return the report's, yet to be checked by `are_good`; raise REFUSALS where it has any other field or is none."""
    if not isinstance(report, dict) or not isinstance(report.get("observations"), msgspec.Raw):
        raise msgspec.ValidationError("No report with observations that are yet to be decoded.")
    found = msgspec.convert(
        {name: loaded(value, budget) for name, value in report.items() if name != "observations"}, _Head
    )
    return found.ownerId, found.apMac


def _decoded(observations: msgspec.Raw, budget: Budget) -> list[Any]:
    """Return the JSON array as Observations, yet to be checked by `are_good`; raise REFUSALS where one is not fast."""
    with suppress(*REFUSALS):
        return _decoder((), has_words=False).decode(observations)
    budget.rest()
    unknown = _unknown_names(observations, budget)
    with suppress(*REFUSALS):
        if unknown:
            return _decoder(unknown, has_words=False).decode(observations)
    budget.rest()
    found = _decoder(unknown, has_words=True).decode(observations)
    clear_coordinates(found)
    return found


def _unknown_names(observations: msgspec.Raw, budget: Budget) -> tuple[str, ...]:
    """Return the names in the first observation that no schema has: a feed's observations are mostly all alike."""
    each = split(observations, budget)
    return tuple(name for name in _names.decode(each[0]) if name not in OURS) if each else ()


@functools.lru_cache(64)
def _decoder(unknown: tuple[str, ...], has_words: bool) -> msgspec.json.Decoder[list[Any]]:
    """Return one that takes these fields too; `has_words`, coordinates that say that they are no number."""
    return _list_decoder(observation_type(unknown, has_words=has_words, is_strict=True))


def accepted(objects: Sequence[Any]) -> list[Any]:
    """Return each decoded JSON object's Observation, without unknown fields; None where the schemas must judge."""
    try:
        known = msgspec.convert(objects, list[_Known])
        if are_good(known):
            clear_coordinates(known)
            return known
    except REFUSALS:
        pass
    half = len(objects) // 2
    return accepted(objects[:half]) + accepted(objects[half:]) if half else [None] * len(objects)
