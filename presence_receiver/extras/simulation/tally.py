"""What was sent, and what became of it by the receiver's own word."""
from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from presence_receiver.http_client import Answer

NO_ANSWER = "no answer"

Key = tuple[Any, ...]
"""What tells an observation from all others of a run."""


@dataclasses.dataclass(frozen=True)
class Delivery:
    """One body, and the observations in it, sorted into those to be accepted and those to be rejected."""

    body: bytes
    good: tuple[Key, ...]
    bad: tuple[Key, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Return what the receiver should answer."""
        return {"accepted": len(self.good), "rejected": len(self.bad)}


@dataclasses.dataclass
class Tally:
    """What became of all deliveries so far.

    Acknowledged observations must be stored once, refused ones never; those without an answer of the
    receiver's own (a gateway's page is none) may be stored, once.
    """

    owner_id: int
    statuses: Counter[str] = dataclasses.field(default_factory=Counter)
    seconds: list[float] = dataclasses.field(default_factory=list)
    deliveries: int = 0
    observations: int = 0
    accepted: int = 0
    rejected: int = 0
    miscounted: int = 0
    good: Counter[Key] = dataclasses.field(default_factory=Counter)
    bad: Counter[Key] = dataclasses.field(default_factory=Counter)
    unanswered: Counter[Key] = dataclasses.field(default_factory=Counter)

    def send(self, delivery: Delivery) -> None:
        """Count a delivery that leaves; until it is answered, nobody knows what becomes of it."""
        self.deliveries += 1
        self.observations += len(delivery.good) + len(delivery.bad)
        self.unanswered.update(delivery.good + delivery.bad)

    def settle(self, delivery: Delivery, answer: Answer | None, seconds: float) -> None:
        """Count the answer that came after so many seconds, or None where none will come."""
        self.statuses[str(answer.status) if answer else NO_ANSWER] += 1
        self.seconds.append(seconds)
        said = answer.body if answer and isinstance(answer.body, dict) else {}
        if answer and said:
            self.unanswered.subtract(delivery.good + delivery.bad)
        counts = {name: said.get(name) for name in ("accepted", "rejected")}
        if all(isinstance(count, int) for count in counts.values()):
            self._acknowledge(delivery, counts)

    def _acknowledge(self, delivery: Delivery, counts: dict[str, Any]) -> None:
        self.good.update(delivery.good)
        self.bad.update(delivery.bad)
        self.accepted += counts["accepted"]
        self.rejected += counts["rejected"]
        self.miscounted += counts != delivery.counts

    def slowest(self, share: float) -> float:
        """Return the seconds within which that share of the deliveries was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
