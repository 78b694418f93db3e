"""The schemas' rules that decoding has not checked, for many observations at once: addresses, times, and one of two.

msgspec, which checks the rest, would call Python on every one.
"""
from __future__ import annotations

import datetime
import itertools
import re
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from presence_receiver.validation.observation import struct_type
from presence_receiver.validation.schemas import MAC, TIME, DeviceObserverSchema

_HEX, _DECIMAL = (str.maketrans(digits, "0" * len(digits)) for digits in ("123456789ABCDEFabcdef", "123456789"))
_DeviceObserver: Any = struct_type(DeviceObserverSchema, ["apMac", "rssi"], is_strict=False)
_USUAL_TIME = "0000-00-00T00:00:00.000Z"


def _many(pattern: str) -> re.Pattern[str]:
    """Return a pattern for any number of values, each with a newline behind it, of a pattern that ends in \\Z."""
    one = pattern.removesuffix(r"\Z")
    return re.compile(f"(?:{one}\n)*+")


_MACS, _TIMES = _many(MAC), _many(TIME)


def _all_match(many: re.Pattern[str], values: Sequence[str]) -> bool:
    joined = "\n".join([*values, ""])
    return joined.count("\n") == len(values) and many.fullmatch(joined) is not None


def _all_have(shape: str, digits: dict[int, int], values: Sequence[str]) -> bool:
    """Return whether all values are of the shape, which has a 0 for each of the digits; far faster than a pattern."""
    return "\n".join(values).translate(digits) == "\n".join([shape] * len(values))


def are_macs(values: Sequence[str]) -> bool:
    """Return whether all match MAC, which takes any hex digit for any other: of values of one shape it sees that."""
    if not values:
        return True
    shape = values[0].translate(_HEX)
    return _all_match(_MACS, [shape] if _all_have(shape, _HEX, values) else values)


def are_times(values: Sequence[str]) -> bool:
    """Return whether all match TIME: of the usual shape, all that are moments do."""
    if not _all_have(_USUAL_TIME, _DECIMAL, values):
        return _all_match(_TIMES, values)
    try:
        msgspec.convert(values, list[datetime.datetime])
    except msgspec.ValidationError:
        return False
    return True


def are_addresses(family: int, values: Iterable[str | None]) -> bool:
    """Return whether all are addresses to the C library, which takes no more than marshmallow does."""
    try:
        for value in values:
            if value is not None:
                socket.inet_pton(family, value)
    except (OSError, ValueError):
        return False
    return True


def are_good(observations: Sequence[Any], heads: Iterable[tuple[Any, Any]] = ()) -> bool:
    """Return whether all of these Observations and reports are good by the rules that decoding has not checked."""
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
