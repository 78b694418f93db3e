"""Body bytes in, lines and rejections out. What is good, `schemas` says; `fast_path` says it faster.

Knows neither files nor HTTP.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec

from presence_receiver import lines
from presence_receiver.errors import BadDelivery
from presence_receiver.lines import Errors, Rejection
from presence_receiver.validation import fast_path, reports
from presence_receiver.validation.slow_path import outcomes

MOST_ERRORS = 20
"""How many rejections an answer explains; the rejected file has them all."""

_encoder = msgspec.json.Encoder()


@dataclasses.dataclass(slots=True)
class Judged:
    """What became of a delivery; `lines` and `rejected` are whole JSON lines."""

    lines: bytes = b""
    rejected: bytes = b""
    accepted_count: int = 0
    rejected_count: int = 0
    errors: Errors = dataclasses.field(default_factory=dict)
    error: str = "No observation of this delivery is good: see errors."
    is_readable: bool = True


def judge_delivery(body: bytes, received_at: str) -> Judged:
    """Judge each observation of a delivery; `received_at` is its time, as it stands in the lines."""
    try:
        return _judged(reports.reports(body), received_at)
    except BadDelivery:
        return unreadable(body, reports.fault(body), received_at)
    except RecursionError:
        return unreadable(body, "The body is nested too deep.", received_at)


def unreadable(body: bytes, error: str, received_at: str) -> Judged:
    """The rejection of a whole body; `error` is the sentence that says why."""
    line = lines.unreadable(body, error, received_at)
    return Judged(rejected=line, rejected_count=1, errors=lines.whole(error), error=error, is_readable=False)


def _judged(reports: Sequence[Any], received_at: str) -> Judged:
    good: list[Any] = []
    rejections: list[Rejection] = []
    for index, (report, observations) in enumerate(zip(reports, fast_path.judged(reports, received_at), strict=True)):
        good += observations
        for outcome in () if observations else outcomes(report, received_at):
            if isinstance(outcome, Rejection):
                rejections.append(outcome.at(index) if len(reports) > 1 else outcome)
            else:
                good.append(outcome)
    return Judged(
        _encoder.encode_lines(good), b"".join(rejection.line(received_at) for rejection in rejections),
        len(good), len(rejections), _merged([rejection.errors for rejection in rejections[:MOST_ERRORS]]),
    )


def _merged(errors: Sequence[Errors]) -> Errors:
    """One tree of the errors of several rejections; equal paths have equal errors."""
    tree: Errors = {}
    for branch in errors:
        for name, value in branch.items():
            both = isinstance(value, dict) and isinstance(tree.get(name), dict)
            tree[name] = _merged([tree[name], value]) if both else value
    return tree
