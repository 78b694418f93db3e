"""How much the judging of one delivery may cost, so that a costly body holds nobody up and fills no disk.

What the budget does not reach is kept unjudged. Knows nothing of observations.
"""
from __future__ import annotations

import math
import time

SECONDS = 2.0
"""CPU seconds of the thread that one delivery gets of the schemas: about 20,000 observations that are not fast."""

TIMES_ITS_BODY, LEAST_BYTES = 10, 4 * 1024 * 1024
"""Bytes of lines of both kinds that a delivery gets: its body's times ten, and at least 4 MiB.

The shortest good observation makes a line of seven times its size.
"""

MOST_PARTS = 500_000
"""How many of `{`, `[` and `,` JSON may have to be decoded to objects of any kind, 200 bytes for each."""

TURN_SECONDS, REST_SECONDS = 0.02, 0.0001
"""Seconds after which others go on, and for how long at least; under gevent, time.sleep lets all of them."""


class Budget:
    """What is left for one delivery; without arguments there is no end to it, and nobody waits."""

    def __init__(
        self, seconds: float = math.inf, size: float = math.inf, parts: float = math.inf, *, rests: bool = False,
    ) -> None:
        self._seconds, self._size, self._parts, self._rests = seconds, size, parts, rests
        self._turn_began = time.monotonic()

    def spend(self, size: int, seconds: float = 0) -> None:
        """Take the bytes of lines, and the CPU seconds, from what is left."""
        self._size -= size
        self._seconds -= seconds

    def has_room(self, size: int = 1) -> bool:
        """Return whether so many bytes of lines are left."""
        return self._size >= size

    def is_left(self) -> bool:
        """Return whether one more observation may be judged."""
        return self._size > 0 and self._seconds > 0

    def takes(self, text: bytes) -> bool:
        """Return whether the JSON has few enough parts to be decoded where its types are not known."""
        return len(text) <= self._parts or sum(map(text.count, (b"{", b"[", b","))) <= self._parts

    def takes_count(self, count: int) -> bool:
        """Return whether so many parts may be held one by one."""
        return count <= self._parts

    def rest(self) -> None:
        """Let others go on where this has held the thread for TURN_SECONDS.

        gevent's sleep(0) would not do: it comes back up to 50 times before the loop looks at its sockets.
        """
        if self._rests and time.monotonic() - self._turn_began >= TURN_SECONDS:
            time.sleep(REST_SECONDS)
            self._turn_began = time.monotonic()


def for_body(size: int) -> Budget:
    """Return the budget of a delivery whose body, inflated, has so many bytes."""
    return Budget(SECONDS, max(size * TIMES_ITS_BODY, LEAST_BYTES), MOST_PARTS, rests=True)
