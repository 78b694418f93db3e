"""The schemas' equal at C speed, derived from them, for what HiveManager normally sends.

Whatever this accepts, the schemas accept with the same line; what it refuses, they judge (it refuses some
rare good forms too). msgspec checks types and ranges while it decodes; the rules on texts (`bulk_rules`) are
checked afterwards, for many observations at once.
"""
from __future__ import annotations

import functools
import itertools
import socket
import types
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import UNSET

from presence_receiver.validation.bulk_rules import are_addresses, are_macs, are_times
from presence_receiver.validation.observation import OURS, clear_coordinates, observation_type, place, struct_type
from presence_receiver.validation.reports import loaded
from presence_receiver.validation.schemas import DeviceObserverSchema, ReportSchema

REFUSALS = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for what is not fast, be it good, bad or no JSON."""

Head = tuple[Any, Any]
"""A report's `ownerId` and `apMac`."""


def _list_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(types.GenericAlias(list, (kind,)))


_Known: Any = observation_type(has_words=True, is_strict=False)
_Head: Any = struct_type(ReportSchema, ["ownerId", "apMac"], is_strict=True)
_DeviceObserver: Any = struct_type(DeviceObserverSchema, ["apMac", "rssi"], is_strict=False)
_splitter = msgspec.json.Decoder(list[msgspec.Raw])
_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


def judged(reports: Sequence[Any], received_at: str) -> list[list[Any]]:
    """Return for each report its observations, as lines, where all of them are good and fast; else none of them."""
    found = [_parts(report) for report in reports]
    heads = [head for head, _ in found]
    if not _are_good([seen for _, observations in found for seen in observations], heads):
        found = [
            (head, observations if _are_good(observations, [head]) else []) for head, observations in found
        ]
    for head, observations in found:
        place(observations, received_at, *head)
    return [observations for _, observations in found]


def _parts(report: Any) -> tuple[Head, list[Any]]:
    """Return the report's head and its observations, yet to be checked; none where something in it is not fast."""
    try:
        return _head(report), _decoded(report["observations"])
    except REFUSALS:
        return (None, None), []


def _head(report: Any) -> Head:
    """Return the report's, yet to be checked by `_are_good`; raise REFUSALS where it has any other field or is none."""
    if not isinstance(report, dict) or not isinstance(report.get("observations"), msgspec.Raw):
        raise msgspec.ValidationError("No report with observations that are yet to be decoded.")
    found = msgspec.convert(
        {name: loaded(value) for name, value in report.items() if name != "observations"}, _Head
    )
    return found.ownerId, found.apMac


def _decoded(observations: msgspec.Raw) -> list[Any]:
    """Return the JSON array as Observations, yet to be checked by `_are_good`; raise REFUSALS where one is not fast."""
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
    return _list_decoder(observation_type(unknown, has_words=has_words, is_strict=True))


def accepted(objects: Sequence[Any]) -> list[Any]:
    """For each decoded JSON object its Observation, without unknown fields; None where the schemas must judge."""
    try:
        known = msgspec.convert(objects, list[_Known])
        if _are_good(known):
            clear_coordinates(known)
            return known
    except REFUSALS:
        pass
    half = len(objects) // 2
    return accepted(objects[:half]) + accepted(objects[half:]) if half else [None] * len(objects)


def _are_good(observations: Sequence[Any], heads: Iterable[Head] = ()) -> bool:
    """Whether the rules hold that decoding has not checked, for all of these Observations and reports."""
    return (
        are_macs([seen.clientMac for seen in observations])
        and are_macs([seen.apMac for seen in observations if seen.apMac is not None])
        and are_macs([ap_mac for _, ap_mac in heads if ap_mac is not None])
        and _are_dated(observations)
        and are_addresses(socket.AF_INET, {seen.ipv4 for seen in observations})
        and are_addresses(socket.AF_INET6, {seen.ipv6 for seen in observations})
        and _have_good_observers(observations)
    )


def _are_dated(observations: Sequence[Any]) -> bool:
    times = [seen.seenTime for seen in observations if seen.seenTime is not None]
    if len(times) < len(observations) and any(seen.seenTime is seen.seenEpoch is None for seen in observations):
        return False
    return are_times(times)


def _have_good_observers(observations: Sequence[Any]) -> bool:
    lists = [seen.deviceObservers for seen in observations if seen.deviceObservers is not UNSET]
    if not lists:
        return True
    try:
        observers = msgspec.convert(list(itertools.chain.from_iterable(lists)), list[_DeviceObserver])
    except msgspec.ValidationError:
        return False
    return are_macs([observer.apMac for observer in observers if observer.apMac is not None])
