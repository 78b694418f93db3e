"""The lines of the rejected file, and the time stamp that both kinds of line begin with."""
from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from presence_receiver.as_sent import AS_SENT, AsSent
from presence_receiver.errors import BadDelivery

UNJUDGED = "Costs more than one delivery may: not judged yet. presence-cli replay judges it."
"""The error of the line that keeps what the budget did not reach."""

Errors = dict[str, Any]

_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
"""Between JSON's tokens a newline is a blank; in its strings none can stand."""

_encoder = msgspec.json.Encoder()
_text_encoder = msgspec.json.Encoder(enc_hook=str)


def stamp(moment: datetime.datetime) -> str:
    """Return UTC with microseconds: 2026-11-22T20:15:00.123456Z."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


@dataclasses.dataclass(slots=True)
class Rejection:
    """What was refused and why: the report without its observations, unless it was refused as a whole."""

    errors: Errors
    report: Any
    observation: Any = None

    def at(self, index: int) -> Rejection:
        """Return the same, of the delivery's report with that index."""
        return Rejection({str(index): self.errors}, self.report, self.observation)

    def line(self, received_at: str, kept: AsSent) -> bytes:
        """Return the line of the rejected file; what JSON cannot carry is there as text."""
        errors = _carried(kept.errors(self.errors), AS_SENT)
        report, observation = _carried(self.report, kept), _carried(self.observation, kept)
        fields = {"receivedAt": received_at, "errors": errors, "report": report, "observation": observation}
        return _encoder.encode({**fields, **kept.mark}) + b"\n"


def _carried(value: Any, kept: AsSent) -> msgspec.Raw | str:
    try:
        return msgspec.Raw(kept.text(_text_encoder.encode(value)))
    except UnicodeEncodeError:
        return kept.text(json.dumps(value).encode()).decode()


def unreadable(body: bytes, error: str, received_at: str, kept: AsSent = AS_SENT) -> bytes:
    """Return the rejected line of bytes that are no delivery; `error` is the sentence that says why."""
    fields = {"receivedAt": received_at, "errors": whole(error), **kept.body(body), **kept.mark}
    return _encoder.encode(fields) + b"\n"


def unjudged(reports: Sequence[bytes], received_at: str, kept: AsSent) -> bytes:
    """Return the line of the rejected file for reports with the observations alone that are not judged, as JSON.

    BadDelivery where they are not Unicode.
    """
    text = reports[0] if len(reports) == 1 else b"[" + b",".join(reports) + b"]"
    try:
        text.decode()
    except UnicodeDecodeError:
        raise BadDelivery("The body is not JSON: invalid UTF-8.") from None
    one_line = msgspec.Raw(kept.text(text.translate(_ONE_LINE)))
    fields = {"receivedAt": received_at, "errors": whole(UNJUDGED), "report": one_line, "observation": None,
              **kept.mark}
    return _encoder.encode(fields) + b"\n"


def whole(error: str) -> Errors:
    """Return an error of no field in particular, by marshmallow's convention."""
    return {"_schema": [error]}
