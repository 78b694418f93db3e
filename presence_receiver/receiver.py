"""What the views need of the application around them, and where they find it.

The assembly (`app`) makes it; the views know only what is written here, not who stands behind it.
"""
from __future__ import annotations

import dataclasses
from typing import Protocol

from presence_receiver.as_sent import AsSent
from presence_receiver.config import Settings
from presence_receiver.log_limit import LimitedLog
from presence_receiver.metrics import Metrics
from presence_receiver.senders import Senders
from presence_receiver.turns import Turns

EXTENSION = "presence_receiver"
"""The key of the Receiver in `app.extensions`."""


class Storage(Protocol):
    """Where lines go: files or something else. Which one it is, only the assembly knows."""

    def append(self, accepted: bytes, rejected: bytes) -> None:
        """Return when the lines are stored for good; StorageError when none of them is."""

    def check(self) -> None:
        """Raise StorageError where a delivery would get it now, StorageSlow where it would wait; within 2.5 s."""


class Readiness(Protocol):
    """Whether a delivery that came now would be stored."""

    def reasons(self) -> list[str]:
        """Return why it would be answered 503, in sentences; none when it would be stored."""

    def note_unjudged(self) -> None:
        """Warn from now on of observations that were kept unjudged."""

    def warnings(self) -> list[str]:
        """Return what a person should see to while deliveries are still stored."""


class LastDelivery(Protocol):
    """When the last delivery came."""

    def note(self) -> None:
        """Take note of a verified delivery; return at once, whatever the disk does."""

    def at(self) -> float | None:
        """Return when the last one came, in Unix time, some seconds early; None where none is known of."""

    def seconds(self) -> float | None:
        """Return how long ago that was."""


class Upkeep(Protocol):
    """What keeps the stored files in order while nobody appends."""

    def start(self) -> None:
        """Begin, in this process; a second call changes nothing."""


@dataclasses.dataclass(frozen=True)
class Receiver:
    """What the views need, in `app.extensions[EXTENSION]`."""

    settings: Settings
    kept: AsSent
    writer: Storage
    housekeeping: Upkeep
    log: LimitedLog
    metrics: Metrics
    readiness: Readiness
    turns: Turns
    senders: Senders
    last_delivery: LastDelivery
