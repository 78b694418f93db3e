"""One report judged observation by observation, for all that the fast judge leaves: lines and rejections.

The schemas decide here; this module puts a line together where more is known than the vendor's page has.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from presence_receiver import fast_judge
from presence_receiver.delivery import loaded
from presence_receiver.lines import Rejection, whole
from presence_receiver.schemas import LARGEST, LINE_FIELDS, SMALLEST, ObservationSchema, ReportSchema

Fields = dict[str, Any]
UNSTORABLE = whole("Holds text that is no Unicode, or a number that no double and no 64 bits hold.")
OURS = frozenset({"receivedAt", *LINE_FIELDS})

_report_schema, _observation_schema = ReportSchema(), ObservationSchema()
_encoder = msgspec.json.Encoder()


def outcomes(report: Any, received_at: str) -> Iterator[msgspec.Raw | Rejection]:
    """A line or a Rejection for each observation, in their order; one Rejection for what is no report."""
    if isinstance(report, dict):
        report = {name: loaded(value) for name, value in report.items()}
    errors = _faults(report)
    if "observations" in errors or "_schema" in errors:
        yield Rejection(errors, report)
        return
    observations = report.pop("observations") or []
    if errors:
        yield from (Rejection(errors, report, seen) for seen in observations)
        return
    for index, (seen, known) in enumerate(zip(observations, fast_judge.accepted(observations), strict=True)):
        faults = {} if known else _observation_schema.validate(seen)
        line = None if faults else _line(received_at, report, seen, known or _observation(seen))
        yield line or Rejection({"observations": {str(index): faults or UNSTORABLE}}, report, seen)


def _faults(report: Any) -> Fields:
    """What the schema has against the report; of its observations, only whether they are a list."""
    if isinstance(report, dict) and isinstance(report.get("observations"), list):
        report = report | {"observations": []}
    return dict(_report_schema.validate(report))


def _observation(seen: Fields) -> Any:
    """The Observation of what the schema accepts and the fast judge does not."""
    values = _observation_schema.load(seen)
    return fast_judge.Observation(**{name: values[name] for name in LINE_FIELDS if values.get(name) is not None})


def _line(received_at: str, report: Fields, seen: Fields, known: Any) -> msgspec.Raw | None:
    """No name twice: an observation's own value wins over the report's. None where something cannot be stored."""
    fast_judge.place([known], received_at, report.get("ownerId"), report.get("apMac"))
    unknown = {name: value for name, value in report.items() if name not in OURS and name not in seen}
    for name, value in seen.items():
        if name not in OURS:
            unknown[name] = value
    try:
        line, rest = _encoder.encode(known), _encoder.encode(unknown)
    except (UnicodeEncodeError, TypeError):
        return None
    if not _fits([known.ownerId, known.deviceObservers, unknown]):
        return None
    return msgspec.Raw(line[:-1] + b"," + rest[1:] if unknown else line)


def _fits(value: Any) -> bool:
    """Whether every integer in it fits in 64 bits."""
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    if isinstance(value, list):
        return all(map(_fits, value))
    return not isinstance(value, int) or SMALLEST <= value <= LARGEST
