"""What a secret must be like to arrive as it was set, whichever setting it is."""
from __future__ import annotations

import re
from collections.abc import Iterator

from marshmallow import ValidationError

from presence_receiver.config.vendor_form import LONGEST_SECRET, SHORTEST_SECRET

SHORT = 16
"""Characters below which one can be guessed by trying."""


def check(secret: str) -> None:
    """Raise ValidationError where no header could carry it as it is, so that every delivery would be refused."""
    if not secret.strip():
        raise ValidationError("has only blanks.")
    if secret != secret.strip():
        raise ValidationError("has blanks or a newline around it: take them away (`echo` adds one, `printf` none).")
    if re.search(r"[\x00-\x1f\x7f]", secret):
        raise ValidationError("has a control character, such as a newline, which no header can carry.")
    if re.search(r"[\ud800-\udfff]", secret):
        raise ValidationError("is not UTF-8.")
    if len(secret) < SHORTEST_SECRET:
        raise ValidationError(f"must have at least {SHORTEST_SECRET} characters.")


def warnings(name: str, secret: str) -> Iterator[str]:
    """Yield sentences on what works here, but perhaps not with HiveManager or not for long."""
    if len(secret) > LONGEST_SECRET:
        yield f"{name} has {len(secret)} characters; HiveManager keeps only the first {LONGEST_SECRET}."
    if secret[0] == secret[-1] and secret[0] in "'\"":
        yield f"{name} has quotes around it, and they count as part of it."
    if len(secret) < SHORT:
        yield f"{name} has fewer than {SHORT} characters: `presence-cli new-secret` makes one that nobody guesses."
