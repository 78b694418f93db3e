"""A length of time as a person types it: 90, 90s, 1.5m, 2h, 7d."""
from __future__ import annotations

import re

import click

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = 36_500 * 86_400
"""A century: what is counted back from now stays within the calendar."""


def in_seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return the seconds that an option's text means; a usage error names what may be typed."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd]?)", value)
    if not found or not float(found[1]):
        raise click.BadParameter(f"{value!r} is no time: type seconds, or a number with s, m, h or d, as in 15m.")
    seconds = float(found[1]) * SECONDS[found[2]]
    if seconds > LONGEST:
        raise click.BadParameter(f"{value!r} is longer than 36500d.")
    return seconds
