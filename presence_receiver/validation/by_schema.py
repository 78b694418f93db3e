"""What the schemas say of one report or one observation; and what they accept that cannot be stored."""
from __future__ import annotations

from typing import Any

import msgspec

from presence_receiver.lines import Errors
from presence_receiver.validation import fast_path
from presence_receiver.validation.bulk_rules import are_macs
from presence_receiver.validation.observation import Observation, clear_coordinates, struct_type
from presence_receiver.validation.schemas import LINE_FIELDS, ObservationSchema, ReportSchema
from presence_receiver.validation.storable import UNSTORABLE, encoded_lines, fits

Fields = dict[str, Any]

_Head: Any = struct_type(ReportSchema, ["ownerId", "apMac"], is_strict=False)
_report_schema, _observation_schema = ReportSchema(), ObservationSchema()


def refusal(part: Any) -> Errors:
    """Return what is wrong with a part that is no report, or whose observations are no list."""
    return _report_schema.validate(part)


def _is_good_head(fields: dict[str, Any]) -> bool:
    """Return whether the schemas accept these fields of a report; False where they must judge."""
    try:
        found = msgspec.convert(fields, _Head)
    except fast_path.REFUSALS:
        return False
    return found.apMac is None or are_macs([found.apMac])


def report_faults(fields: Fields) -> Errors:
    """Return what is wrong with the report itself."""
    faults = {} if _is_good_head(fields) else _report_schema.validate(fields | {"observations": []})
    return faults or ({} if encoded_lines([fields]) else UNSTORABLE)


def observation_faults(seen: Any) -> Errors:
    """Return what is wrong with the observation."""
    return _observation_schema.validate(seen) or ({} if fits(seen) else UNSTORABLE)


def as_observation(seen: Fields) -> Any:
    """Return the Observation of what the schema accepts and the fast path does not."""
    known = Observation(**{name: seen[name] for name in LINE_FIELDS if seen.get(name) is not None})
    clear_coordinates([known])
    return known
