"""Would a delivery that came now be stored? Asked of the writer itself, at most once a second.

Says nothing of paths and sizes: whoever reaches the receiver may ask.
"""
from __future__ import annotations

import threading
import time

from presence_receiver.config import Settings
from presence_receiver.errors import StorageError, StorageSlow
from presence_receiver.receiver import Storage
from presence_receiver.senders import Senders
from presence_receiver.storage import LastDelivery, free_bytes

SECONDS = 1
"""How long an answer holds: asking again and again must not keep deliveries from the lock."""

UNJUDGED = "Observations came that cost too much to be judged: presence-cli replay judges them in the rejected files."

QUIET = "No delivery has come for longer than PRESENCE_QUIET_SECONDS allows."

FEW_BYTES = "Less space is left at PRESENCE_DATA_DIR than PRESENCE_MIN_FREE_BYTES."

ALL_REFUSED = (
    "This worker has refused every delivery so far with 401: give the receiver and the subscription the same "
    "PRESENCE_SECRET."
)
"""Each worker knows of its own deliveries alone."""


class Readiness:
    """What keeps the writer from storing, and what soon will."""

    def __init__(self, settings: Settings, writer: Storage, senders: Senders, last_delivery: LastDelivery) -> None:
        self._settings, self._writer, self._senders = settings, writer, senders
        self._last_delivery = last_delivery
        self._asked = float("-inf")
        self._turn = threading.Lock()
        self._reasons: list[str] = []
        self._slow: list[str] = []
        self._has_unjudged = False

    def reasons(self) -> list[str]:
        """Return why a delivery would be answered 503 now, in sentences; none when it would be stored."""
        with self._turn:
            if time.monotonic() - self._asked >= SECONDS:
                self._reasons = self._ask()
                self._asked = time.monotonic()
            return self._reasons

    def _ask(self) -> list[str]:
        self._slow = []
        try:
            self._writer.check()
        except StorageSlow as warning:
            self._slow = [str(warning)]
        except StorageError as error:
            return [str(error)]
        return []

    def note_unjudged(self) -> None:
        """Warn, from now until this process ends, of observations that were kept unjudged."""
        self._has_unjudged = True

    def warnings(self) -> list[str]:
        """Return what a person should see to while deliveries are still stored, as of when `reasons` last asked."""
        told = {
            UNJUDGED: self._has_unjudged, FEW_BYTES: self._is_space_short(),
            QUIET: self._last_delivery.is_quiet(), ALL_REFUSED: self._senders.are_all_refused,
        }
        return [*self._slow, *(sentence for sentence, holds in told.items() if holds)]

    def _is_space_short(self) -> bool:
        try:
            return free_bytes(self._settings.data_dir) < self._settings.min_free_bytes
        except OSError:
            return False
