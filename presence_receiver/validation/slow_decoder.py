"""JSON that the fast decoder refuses, though it is some: lone surrogates, and numbers beyond what we store."""
from __future__ import annotations

import json
import math
from typing import Any

from presence_receiver.budgets import Budget
from presence_receiver.errors import BadDelivery
from presence_receiver.validation.schemas import LARGEST, SMALLEST


class TooCostly(Exception):
    """The budget has no memory for this JSON in parts, or nothing left to judge it with."""


class Unstorable(str):
    """The text of a number that neither a double nor 64 bits hold; no encoder of ours accepts it."""


def slowly_loaded(text: bytes, budget: Budget) -> Any:
    """Return the value; a number that we cannot store comes as Unstorable.

    BadDelivery where the text is not JSON, or nested too deep to be handled; TooCostly where it has too many parts.
    """
    if not budget.takes(text):
        raise TooCostly
    try:
        return _slow.decode(text.decode())
    except ValueError as error:
        raise BadDelivery(f"The body is not JSON: {_reason(error)}.", text) from None
    except RecursionError:
        raise BadDelivery("The body is not JSON that we can read: it is nested too deep.", text) from None


def fault(body: bytes, budget: Budget) -> str:
    """Return why the body is not JSON, in a sentence."""
    try:
        slowly_loaded(body, budget)
    except BadDelivery as error:
        return str(error)
    return "The body is not JSON."


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at byte {len(error.doc[:error.pos].encode())}"
    if isinstance(error, UnicodeDecodeError):
        return f"invalid UTF-8 at byte {error.start}"
    return str(error)


def _constant(token: str) -> None:
    raise ValueError(f"{token} is no JSON value")


def _integer(token: str) -> int | Unstorable:
    """Return an integer, unless it has more digits than 64 bits hold."""
    value = int(token) if len(token) <= len(str(SMALLEST)) else LARGEST + 1
    return value if SMALLEST <= value <= LARGEST else Unstorable(token)


def _double(token: str) -> float | Unstorable:
    value = float(token)
    return value if math.isfinite(value) else Unstorable(token)


_slow = json.JSONDecoder(parse_int=_integer, parse_float=_double, parse_constant=_constant)
