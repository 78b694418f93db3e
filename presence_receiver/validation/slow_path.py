"""One report judged observation by observation, for all that the fast path leaves: lines and rejections.

The schemas decide here; this module puts a line together where more is known than the vendor's page has.
"""
from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from presence_receiver.lines import Errors, Rejection, whole
from presence_receiver.validation import fast_path
from presence_receiver.validation.observation import OURS, Observation, clear_coordinates, place
from presence_receiver.validation.reports import loaded
from presence_receiver.validation.schemas import LARGEST, LINE_FIELDS, SMALLEST, ObservationSchema, ReportSchema

Fields = dict[str, Any]
UNSTORABLE = whole("Holds text that is no Unicode, or a number that no double and no 64 bits hold.")
_LONG_INTEGER = re.compile(rb"\d{19}")
_report_schema, _observation_schema = ReportSchema(), ObservationSchema()
_encoder = msgspec.json.Encoder()


def outcomes(report: Any, received_at: str) -> Iterator[msgspec.Raw | Rejection]:
    """A line or a Rejection for each observation, in their order; one Rejection for what is no report."""
    if isinstance(report, dict):
        report = {name: loaded(value) for name, value in report.items()}
    errors = _report_faults(report)
    if "observations" in errors or not isinstance(report, dict):
        yield Rejection(errors, report)
        return
    observations = report.pop("observations") or []
    if errors:
        yield from (Rejection(errors, report, seen) for seen in observations)
    elif observations:
        yield from _outcomes(received_at, report, observations)


def _outcomes(received_at: str, report: Fields, observations: list[Any]) -> Iterator[msgspec.Raw | Rejection]:
    known, names = fast_path.accepted(observations), _unknown_names(observations)
    good = [seen for seen, it in zip(observations, known, strict=True) if it]
    lines = iter(_lines(received_at, report, good, [it for it in known if it], names) if good else [])
    for index, (seen, it) in enumerate(zip(observations, known, strict=True)):
        line = next(lines, None) if it else None
        yield line or _outcome(received_at, report, seen, it, names, index)


def _outcome(
    received_at: str, report: Fields, seen: Fields, known: Any, names: list[str], index: int,
) -> msgspec.Raw | Rejection:
    """Of one observation that the fast path has not accepted, or whose line cannot be had with all others."""
    faults = {} if known else _faults(seen)
    line = [] if faults else _lines(received_at, report, [seen], [known or _observation(seen)], names)
    return line[0] if line else Rejection({"observations": {str(index): faults or UNSTORABLE}}, report, seen)


def _report_faults(report: Any) -> Errors:
    """What is wrong with the report itself; of its observations, only whether they are a list."""
    if isinstance(report, dict) and isinstance(report.get("observations"), list):
        report = report | {"observations": []}
    return _report_schema.validate(report) or ({} if _encoded_lines([report]) else UNSTORABLE)


def _faults(seen: Any) -> Errors:
    return _observation_schema.validate(seen) or ({} if _fits(seen) else UNSTORABLE)


def _observation(seen: Fields) -> Any:
    """The Observation of what the schema accepts and the fast path does not."""
    known = Observation(**{name: seen[name] for name in LINE_FIELDS if seen.get(name) is not None})
    clear_coordinates([known])
    return known


def _lines(
    received_at: str, report: Fields, observations: list[Fields], known: list[Any], names: list[str],
) -> list[msgspec.Raw]:
    """The observations' lines; none where something in one of them cannot be stored.

    `known` are their Observations, `names` those of their unknown fields. No name twice: an observation's own value
    wins over the report's.
    """
    place(known, received_at, report.get("ownerId"), report.get("apMac"))
    ours = [name for name in report if name not in OURS]
    unknown = [
        {name: report[name] for name in ours if name not in seen} | {name: seen[name] for name in names if name in seen}
        for seen in observations
    ]
    pairs = zip(_encoded_lines(known), _encoded_lines(unknown))
    return [msgspec.Raw(line[:-1] + b"," + rest[1:] if len(rest) > 2 else line) for line, rest in pairs]


def _unknown_names(observations: list[Any]) -> list[str]:
    """The names that no schema has, in the order in which the report first has them: so do all its lines."""
    names = itertools.chain.from_iterable(seen for seen in observations if isinstance(seen, dict))
    return [name for name in dict.fromkeys(names) if name not in OURS]


def _encoded_lines(values: list[Any]) -> list[bytes]:
    """The JSON of each; nothing at all where one of them holds what cannot be stored."""
    try:
        text = _encoder.encode_lines(values)
    except (UnicodeEncodeError, TypeError):
        return []
    is_doubtful = type(values[0]) is dict and _LONG_INTEGER.search(text)
    return [] if is_doubtful and not _fits(values) else text.splitlines()


def _fits(value: Any) -> bool:
    """Whether every integer in it fits in 64 bits."""
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    if isinstance(value, list):
        return all(map(_fits, value))
    return not isinstance(value, int) or SMALLEST <= value <= LARGEST
