"""One report judged observation by observation, for all that the fast path leaves: lines and rejections.

The schemas decide here, as far as the budget goes; this module puts a line together where more is known than the
vendor's page has.
"""
from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from presence_receiver.as_sent import AsSent
from presence_receiver.budgets import Budget
from presence_receiver.lines import Errors, Rejection
from presence_receiver.validation import fast_path
from presence_receiver.validation.by_schema import as_observation, observation_faults, refusal, report_faults
from presence_receiver.validation.observation import place
from presence_receiver.validation.places import beside, clashes, strays, unknown_names
from presence_receiver.validation.reports import TooLong, loaded, loaded_together, members, own_fields
from presence_receiver.validation.slow_decoder import TooCostly
from presence_receiver.validation.storable import UNSTORABLE, encoded_lines

Fields = dict[str, Any]

SLICE, SLICE_BYTES = 500, 256 * 1024
"""How many observations, and bytes of their JSON or of their report's, are handled at once: some milliseconds."""

_encoder = msgspec.json.Encoder()


class Rejected(NamedTuple):
    """A rejection and its line."""

    errors: Errors
    line: bytes


Verdict = bytes | Rejected
"""What became of an observation: its line, with the newline, or its rejection."""


class SlowReport:
    """A report on its way through `look`, `accept` and `judge`; what has no verdict then is `unjudged`.

    `index` is its place in a delivery of several.
    """

    def __init__(self, report: Any, received_at: str, index: int | None, budget: Budget, kept: AsSent) -> None:
        self._sent, self._received_at, self._index, self._budget = report, received_at, index, budget
        self._kept = kept
        self._is_open, self._first = False, 0  # is it a report; its first observation that was sent
        self._fields: Fields = {}
        self._faults: Errors = {}
        self._order: dict[str, int] = {}
        self._observations: list[Any] = []
        self._verdicts: list[Verdict | None] = [None]

    def verdicts(self) -> Iterator[Verdict]:
        """Give all there are, in the order of the observations."""
        return (verdict for verdict in self._verdicts if verdict is not None)

    def look(self) -> None:
        """Judge the report itself, while the budget lasts."""
        self._budget.rest()
        began = time.thread_time()
        try:
            if self._budget.is_left():
                self._open(members(self._sent, self._budget), own_fields(self._sent, self._budget))
        except TooCostly:
            pass
        self._budget.spend(0, time.thread_time() - began)

    def _open(self, observations: Any, fields: Any) -> None:
        if not isinstance(observations, list | None) or not isinstance(fields, dict):
            report = fields if observations == () else fields | {"observations": observations}
            self._verdicts = [self._rejected(refusal(report), report, None)]
            return
        stray = strays(fields, has_observations=bool(observations))
        self._fields = {name: value for name, value in fields.items() if name not in stray}
        self._faults = report_faults(self._fields)
        self._observations = [None] * bool(stray) + (observations or [])
        self._verdicts = [None] * len(self._observations)
        if stray:
            self._verdicts[0] = self._rejected(stray, fields, None)
        self._first, self._is_open = int(bool(stray)), True

    def accept(self) -> None:
        """Give lines to the observations that are good by the fast path's rules, as far as the bytes go."""
        if not self._is_open or self._faults:
            return
        most = max(1, min(SLICE, SLICE_BYTES // len(encoded_lines([self._fields])[0])))
        for start in range(self._first, len(self._observations), most):
            if self._budget.has_room():
                self._accept(start, min(start + most, len(self._observations)))
            self._budget.rest()

    def _accept(self, start: int, end: int) -> None:
        try:
            observations = loaded_together(self._observations[start:end], SLICE_BYTES, self._budget)
        except TooLong:
            self._accept(start, (start + end) // 2)
            self._accept((start + end) // 2, end)
            return
        except TooCostly:
            return
        for name in unknown_names(observations):
            self._order.setdefault(name, len(self._order))
        known = fast_path.accepted(observations)
        good = [index for index, seen in enumerate(observations)
                if known[index] and not clashes(self._fields, seen)]
        lines = self._lines([observations[index] for index in good], [known[index] for index in good])
        for index, line in zip(good, lines):
            self._verdicts[start + index] = line
        self._budget.spend(sum(map(len, lines)))

    def judge(self) -> None:
        """Let the schemas judge what has no verdict yet, while the budget lasts."""
        for index, verdict in enumerate(self._verdicts if self._is_open else ()):
            if verdict is None:
                if not self._budget.is_left():
                    return
                self._judge(index)
                self._budget.rest()

    def _judge(self, index: int) -> None:
        began = time.thread_time()
        try:
            seen = loaded(self._observations[index], self._budget)
        except TooCostly:
            return
        verdict = self._verdicts[index] = self._verdict(index - self._first, seen)
        size = 0 if isinstance(verdict, Rejected) else len(verdict)
        self._budget.spend(size, time.thread_time() - began)

    def _verdict(self, index: int, seen: Any) -> Verdict:
        if self._faults:
            return self._rejected(self._faults, self._fields, seen)
        (known,) = fast_path.accepted([seen])
        faults = ({} if known else observation_faults(seen)) or clashes(self._fields, seen)
        lines = [] if faults else self._lines([seen], [known or as_observation(seen)])
        return lines[0] if lines else self._rejected(
            {"observations": {str(index): faults or UNSTORABLE}}, self._fields, seen)

    def _rejected(self, errors: Errors, report: Any, seen: Any) -> Rejected:
        rejection = Rejection(errors, report, seen)
        rejection = rejection if self._index is None else rejection.at(self._index)
        line = rejection.line(self._received_at, self._kept)
        self._budget.spend(len(line))
        return Rejected(rejection.errors, line)

    def _lines(self, observations: list[Fields], known: list[Any]) -> list[bytes]:
        """Return the observations' lines, of which `known` are the Observations; none where one cannot be stored."""
        if not observations:
            return []
        place(known, self._received_at, self._fields.get("ownerId"), self._fields.get("apMac"))
        self._kept.observations(known, self._fields.keys() | unknown_names(observations))
        pairs = zip(encoded_lines(known), encoded_lines(beside(self._fields, observations, self._order)))
        return [
            (line[:-1] + b"," + self._kept.text(rest)[1:] if len(rest) > 2 else line) + b"\n" for line, rest in pairs
        ]

    def unjudged(self) -> tuple[bytes, int] | None:
        """Return the JSON of the report with the observations alone that have no verdict, and how many they are.

        A report that is too costly even to be split counts as one.

        TooCostly where it has no such JSON, since it was decoded by the slower decoder.
        """
        self._budget.rest()
        left = [seen for seen, verdict in zip(self._observations, self._verdicts) if verdict is None]
        if self._is_open and not left:
            return None
        report = self._sent
        if self._is_open:
            report = {name: value for name, value in report.items() if name in self._fields} | {"observations": left}
        elif self._verdicts[0] is not None:
            return None
        try:
            return _encoder.encode(report), len(left) or self._count()
        except (UnicodeEncodeError, TypeError):
            raise TooCostly from None

    def _count(self) -> int:
        try:
            found = members(self._sent, self._budget)
        except TooCostly:
            return 1
        return max(1, len(found)) if isinstance(found, list) else 1
