"""What JSON and 64 bits cannot carry, found by encoding it."""
from __future__ import annotations

import re
from typing import Any

import msgspec

from presence_receiver.lines import whole
from presence_receiver.validation.schemas import LARGEST, SMALLEST

UNSTORABLE = whole("Holds text that is no Unicode, or a number that no double and no 64 bits hold.")
_LONG_INTEGER = re.compile(rb"\d{19}")
_encoder = msgspec.json.Encoder()


def encoded_lines(values: list[Any]) -> list[bytes]:
    """Return the JSON of each; nothing at all where one of them holds what cannot be stored."""
    try:
        text = _encoder.encode_lines(values)
    except (UnicodeEncodeError, TypeError):
        return []
    is_doubtful = values and type(values[0]) is dict and _LONG_INTEGER.search(text)
    return [] if is_doubtful and not fits(values) else text.splitlines()


def fits(value: Any) -> bool:
    """Return whether every integer in it fits in 64 bits."""
    if isinstance(value, dict):
        return all(map(fits, value.values()))
    if isinstance(value, list):
        return all(map(fits, value))
    return not isinstance(value, int) or SMALLEST <= value <= LARGEST
