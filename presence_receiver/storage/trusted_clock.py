"""What time it is for those who delete by age: a clock that was set forward is believed only a day later.

The clock that only counts (time.monotonic) tells how long ago the wall clock was last in step. That is known while
a process runs; one that starts with a wrong clock cannot know. A clock set back is believed at once: it deletes less.
"""
from __future__ import annotations

import time
from collections.abc import Callable

DAY = 86_400.0
STEP = 60.0
"""Seconds by which the wall clock may run ahead between two looks without being doubted."""


class TrustedClock:
    """Unix time for deleting; look at it often, every few seconds or minutes."""

    def __init__(self, wall: Callable[[], float] = time.time, counter: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._counter = wall, counter
        self._agreed = wall(), counter()

    def now(self) -> float:
        """Return the wall clock's time, or what it would be had nobody set it forward within a day."""
        wall, count = self._wall(), self._counter()
        agreed_wall, agreed_count = self._agreed
        expected = agreed_wall + count - agreed_count
        if wall > expected + STEP and count - agreed_count < DAY:
            return expected
        self._agreed = wall, count
        return wall
