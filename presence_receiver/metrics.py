"""What the receiver counts: the interface, which counts nothing where nobody asks for metrics."""
from __future__ import annotations

from pathlib import Path


class Metrics:
    """Counts nothing, for a receiver whose metrics nobody asks for."""

    def answered(self, status: int) -> None:
        """Count a delivery that got this answer."""

    def stored(self, accepted: int, rejected: int, unjudged: int, size: int, secret: int, seconds: float) -> None:
        """Count a delivery on disk: observations, bytes of lines, the secret that it showed, how long it took."""

    def committed(self, deliveries: int, sync_seconds: float) -> None:
        """Count deliveries that were written and synced together."""

    def closed(self, stem: str, count: int) -> None:
        """Count files of that stem that have been closed since."""

    def uncompressed(self, count: int) -> None:
        """Note how many closed files housekeeping found not compressed."""

    def retried(self) -> None:
        """Count a PUT into the bucket that has to be tried again."""

    def waiting(self, size: int) -> None:
        """Note how many bytes of lines are here that the bucket has not taken."""

    def exposition(self, folder: Path, last_delivery: float | None, is_ready: bool) -> bytes:
        """Return all that was counted, by all workers, what there is in the data folder, and what holds now."""
        raise NotImplementedError
