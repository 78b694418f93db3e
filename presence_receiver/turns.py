"""Large deliveries take turns, each worker's one at a time: a body's lines may take six times its memory.

Deliveries of the usual sizes never wait here. Knows nothing of HTTP or files.
"""
from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext

LARGE = 4 * 1024 * 1024
"""Bytes of a body from which it waits for its turn; about 16,000 observations."""


class Turns:
    """One large delivery after the other, in one process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def taken(self, size: int) -> AbstractContextManager[object]:
        """Hold the turn, when it comes, for a body of so many bytes."""
        return self._turn if size >= LARGE else nullcontext()
