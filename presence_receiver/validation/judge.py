"""Body bytes in, lines and rejections out. What is good, `schemas` says; `fast_path` says it faster.

Knows neither files nor HTTP.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from presence_receiver import lines
from presence_receiver.as_sent import AS_SENT, AsSent
from presence_receiver.budgets import Budget
from presence_receiver.errors import BadDelivery
from presence_receiver.lines import Errors
from presence_receiver.validation import fast_path, reports
from presence_receiver.validation.slow_decoder import TooCostly, fault
from presence_receiver.validation.slow_path import Rejected, SlowReport

MOST_ERRORS = 20
"""How many rejections an answer explains; the rejected file has them all."""

SLICE = 500
"""Reports that the fast path gets at once."""


@dataclasses.dataclass(slots=True)
class Judged:
    """What became of a delivery; `lines` and `rejected` are whole JSON lines."""

    lines: bytes = b""
    rejected: bytes = b""
    accepted_count: int = 0
    rejected_count: int = 0
    unjudged_count: int = 0
    errors: Errors = dataclasses.field(default_factory=dict)
    error: str = "No observation of this delivery is good: see errors."
    is_readable: bool = True


def judge_delivery(body: bytes, received_at: str, budget: Budget | None = None, kept: AsSent = AS_SENT) -> Judged:
    """Judge each observation of a delivery; `received_at` is its time, as it stands in the lines.

    What the budget does not reach is in one line of the rejected ones; without a budget, all is judged. `kept` says
    what is kept of it, and told.
    """
    budget = budget or Budget()
    try:
        try:
            return _judged(reports.reports(body, budget), received_at, budget, kept)
        except BadDelivery:
            return unreadable(body, fault(body, budget), received_at, kept)
    except TooCostly:
        return Judged(rejected=lines.unreadable(body, lines.UNJUDGED, received_at, kept), unjudged_count=1)
    except RecursionError:
        return unreadable(body, "The body is nested too deep.", received_at, kept)


def unreadable(body: bytes, error: str, received_at: str, kept: AsSent = AS_SENT) -> Judged:
    """Return the rejection of a whole body; `error` is the sentence that says why."""
    line = lines.unreadable(body, error, received_at, kept)
    return Judged(rejected=line, rejected_count=1, errors=lines.whole(error), error=error, is_readable=False)


def _judged(reports: Sequence[Any], received_at: str, budget: Budget, kept: AsSent) -> Judged:
    """Judge all reports by the fast path, then what that leaves slice by slice, then the rest by the schemas."""
    pieces: list[list[fast_path.Piece] | None] = []
    for start in range(0, len(reports), SLICE):
        pieces += fast_path.judged(reports[start:start + SLICE], received_at, budget, kept)
    if None not in pieces:
        return _all_good([piece for each in pieces for piece in each or ()])
    slow = {}
    for index in (index for index, fast in enumerate(pieces) if fast is None):
        slow[index] = SlowReport(reports[index], received_at, index if len(reports) > 1 else None, budget, kept)
        slow[index].look()
    for step in SlowReport.accept, SlowReport.judge:
        for report in slow.values():
            step(report)
    return _summed(pieces, slow, received_at, budget, kept)


def _all_good(pieces: Sequence[fast_path.Piece]) -> Judged:
    """Return what `_summed` would, where nothing is left for the schemas."""
    text, count = pieces[0] if len(pieces) == 1 else (b"".join([text for text, _ in pieces]), sum(n for _, n in pieces))
    return Judged(text, accepted_count=count)


def _summed(
    fast: list[list[fast_path.Piece] | None], slow: dict[int, SlowReport], received_at: str, budget: Budget,
    kept: AsSent,
) -> Judged:
    good: list[fast_path.Piece] = []
    rejected: list[Rejected] = []
    for index, pieces in enumerate(fast):
        budget.rest()
        good += pieces or ()
        for verdict in slow[index].verdicts() if index in slow else ():
            if isinstance(verdict, Rejected):
                rejected.append(verdict)
            else:
                good.append((verdict, 1))
    unjudged = [left for report in slow.values() if (left := report.unjudged())]
    rejected_lines = [line for _, line in rejected]
    if unjudged:
        rejected_lines.append(lines.unjudged([report for report, _ in unjudged], received_at, kept))
    return Judged(
        b"".join([text for text, _ in good]), b"".join(rejected_lines), sum(count for _, count in good),
        len(rejected), sum(count for _, count in unjudged),
        kept.errors(_merged([errors for errors, _ in rejected[:MOST_ERRORS]])),
    )


def _merged(errors: Sequence[Errors]) -> Errors:
    """Return one tree of the errors of several rejections; equal paths have equal errors."""
    tree: Errors = {}
    for branch in errors:
        for name, value in branch.items():
            both = isinstance(value, dict) and isinstance(tree.get(name), dict)
            tree[name] = _merged([tree[name], value]) if both else value
    return tree
