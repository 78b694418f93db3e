"""What the settings of personal data must be like: keys that nobody guesses, and fields that a line may do without."""
from __future__ import annotations

import re

from marshmallow import ValidationError

SHORTEST_KEY = 16
"""Characters: all addresses there are can be tried in days, so what keeps them is the key alone."""

DROPPABLE = ("ipv4", "ipv6", "ssid", "rssi", "manufacturer", "os", "lat", "lng", "unc", "x", "y")
"""The fields of a line that may be null whatever was sent; a test holds it against the schema."""

SURROGATE = re.compile(r"[\ud800-\udfff]")
"""What Python makes of a byte of a variable that is not UTF-8."""

NEW_KEY = "`presence-cli new-key` makes one."


def parts(text: str) -> tuple[str, ...]:
    """Return the members of a list with commas, without the blanks around them."""
    return tuple(part for part in map(str.strip, text.split(",")) if part)


def check_key(key: str) -> None:
    """Raise ValidationError where the key is too easy to guess, or is another one on another machine."""
    if key != key.strip() or "," in key:
        raise ValidationError(f"must have no blanks, no newline around it and no comma: {NEW_KEY}")
    if SURROGATE.search(key):
        raise ValidationError(f"is not UTF-8: {NEW_KEY}")
    if len(key) < SHORTEST_KEY:
        raise ValidationError(f"must have at least {SHORTEST_KEY} characters: {NEW_KEY}")


def check_keys(text: str) -> None:
    """Raise ValidationError where one of the keys in a list with commas cannot have been one."""
    if SURROGATE.search(text):
        raise ValidationError("is not UTF-8, as every key is.")
    if any(len(key) < SHORTEST_KEY for key in parts(text)):
        raise ValidationError(f"must be keys of at least {SHORTEST_KEY} characters each, with commas between them.")


def check_fields(text: str) -> None:
    """Raise ValidationError for a name that is no field of a line, or of one that a line needs."""
    if unknown := [name for name in parts(text) if name not in DROPPABLE]:
        raise ValidationError(f"must not name {', '.join(unknown)}: what may become null is {', '.join(DROPPABLE)}.")
