"""A rejected line read back into the delivery that it was, and judged again; `lines` writes what this reads."""
from __future__ import annotations

import binascii
import datetime
import json
import math
from contextlib import suppress

import msgspec

from presence_receiver import lines
from presence_receiver.as_sent import AS_SENT, AsSent
from presence_receiver.budgets import Budget
from presence_receiver.validation import UNSTORABLE, Judged, judge_delivery


NULL = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    receivedAt: str
    errors: msgspec.Raw
    report: msgspec.Raw = NULL
    observation: msgspec.Raw = NULL
    body: str | None = None
    bodyBase64: str | None = None


_NO_DELIVERY = (ValueError, OverflowError, msgspec.MsgspecError, UnicodeError, binascii.Error, RecursionError)
_decoder = msgspec.json.Decoder(_Line)
_Fields = dict[str, msgspec.Raw]
_UNJUDGED = msgspec.json.encode(lines.whole(lines.UNJUDGED))
_UNSTORABLE = json.dumps(UNSTORABLE["_schema"][0]).encode()


def judged(line: bytes, most: float = math.inf, kept: AsSent = AS_SENT) -> Judged:
    """Return what becomes of the line; as long as nothing in it is good, it is rejected just as it is.

    One of what was not judged yet is judged in any case, with no end to its costs. What is beyond `most` bytes of lines
    is the last of the rejected ones, unjudged. `kept` makes no other pseudonym of one.
    """
    with suppress(*_NO_DELIVERY):
        rejected = _decoder.decode(line)
        again = _judged(rejected, most, kept)
        if is_unjudged(rejected.errors) or _has_good(again, most, kept):
            return again
    return Judged(rejected=line, rejected_count=1)


def unjudged_line(found: Judged) -> bytes:
    """Return the line of what `most` left unjudged; nothing where that is nothing."""
    return found.rejected[found.rejected.rfind(b"\n", 0, -1) + 1:] if found.unjudged_count else b""


def _judged(rejected: _Line, most: float, kept: AsSent) -> Judged:
    received_at, delivery = lines.stamp(_aware(rejected.receivedAt)), _delivery(rejected)
    again = judge_delivery(delivery, received_at, Budget(size=most), kept)
    if again.unjudged_count and not again.accepted_count + again.rejected_count:  # it comes in one piece only
        return judge_delivery(delivery, received_at, kept=kept)
    return again


def _has_good(found: Judged, most: float, kept: AsSent) -> bool:
    """Return whether something is good in it, or in what was left unjudged."""
    while found.unjudged_count and not found.accepted_count:
        found = _judged(_decoder.decode(unjudged_line(found)), most, kept)
    return found.accepted_count > 0


def is_rejected(line: bytes) -> bool:
    """Return whether it has what a rejected line has."""
    try:
        _decoder.decode(line)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return False
    return True


def is_unjudged(errors: msgspec.Raw) -> bool:
    """Return whether these are the errors of what the budget of its delivery did not reach."""
    return bytes(errors) == _UNJUDGED


def _aware(text: str) -> datetime.datetime:
    """Return the time of a line that a person may have corrected; ValueError where it has no zone, or is none."""
    found = datetime.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("A time without a zone is not compared with others.")
    return found


def _delivery(rejected: _Line) -> bytes:
    """Return a delivery's body with what was rejected, and with nothing else."""
    if rejected.body is not None:
        return rejected.body.encode()
    if rejected.bodyBase64 is not None:
        return binascii.a2b_base64(rejected.bodyBase64)
    if _UNSTORABLE in bytes(rejected.errors):
        raise msgspec.ValidationError("A number that JSON could not carry is text here: it is not what was sent.")
    report, observation = _as_sent(rejected.report), _as_sent(rejected.observation)
    if observation == bytes(NULL):
        return report
    fields = msgspec.json.decode(report, type=_Fields) | {"observations": msgspec.Raw(b"[" + observation + b"]")}
    return msgspec.json.encode(fields)


def _as_sent(value: msgspec.Raw) -> bytes:
    """Return the JSON of a report or an observation; text there, since it holds no Unicode, is its own JSON."""
    text = bytes(value)
    if not text.startswith(b'"'):
        return text
    inner: str = msgspec.json.decode(text)
    try:
        msgspec.json.encode(json.loads(inner))
    except UnicodeEncodeError:
        return inner.encode()
    except ValueError:
        pass
    return text
