"""What holds for log lines: a flood of deliveries is no flood of warnings, and a line names its request."""
from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

SECONDS = 60.0

REQUEST_IDS = ("X-Request-Id", "Fly-Request-Id")
"""What routers call the id that their own log has for a request."""


class LimitedLog:
    """Logs one warning of each kind in so many seconds, in this process; the next says how many were left out."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic, *,
                 seconds: float = SECONDS) -> None:
        self._log, self._clock, self._seconds = log, clock, seconds
        self._quiet_until: dict[str, float] = {}
        self._left_out: Counter[str] = Counter()

    def warning(self, kind: str, message: str, *args: object) -> None:
        """Log the message unless one of its kind was logged within that time; kinds must be few."""
        now = self._clock()
        if now < self._quiet_until.get(kind, now):
            self._left_out[kind] += 1
            return
        self._quiet_until[kind] = now + self._seconds
        count = self._left_out.pop(kind, 0)
        more = f" ({count} more like this since the last such line.)" if count else ""
        self._log.warning(message + more, *args)
