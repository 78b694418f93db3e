"""What the receiver counts: the interface, which counts nothing where nobody asks for metrics."""
from __future__ import annotations

from pathlib import Path


class Metrics:
    """Counts nothing, for a receiver whose metrics nobody asks for."""

    def answered(self, status: int) -> None:
        """A delivery got this answer."""

    def stored(self, accepted: int, rejected: int, unjudged: int, size: int, secret: int, seconds: float) -> None:
        """A delivery is on disk: its observations, its lines' bytes, the secret it showed, how long it took."""

    def committed(self, deliveries: int, sync_seconds: float) -> None:
        """So many deliveries were written and synced together."""

    def closed(self, stem: str, count: int) -> None:
        """So many more files of that stem have been closed."""

    def uncompressed(self, count: int) -> None:
        """Housekeeping found so many closed files that are not compressed."""

    def retried(self) -> None:
        """A PUT into the bucket has to be tried again."""

    def waiting(self, size: int) -> None:
        """So many bytes of lines are here that the bucket has not taken."""

    def exposition(self, folder: Path, last_delivery: float | None, is_ready: bool) -> bytes:
        """All that was counted, by all workers, what there is in the data folder, and what holds now."""
        raise NotImplementedError
