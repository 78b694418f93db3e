"""Greenlets of gevent's that serve one request after the other: a new one for each costs a memory map."""
from __future__ import annotations

from collections.abc import Callable

from gevent import get_hub
from greenlet import getcurrent, greenlet

KEPT = 256
"""The most that wait for work."""


class Greenlets:
    """Runs functions at once, each in a greenlet; call it from the loop's own."""

    def __init__(self) -> None:
        self._idle: list[greenlet] = []

    def run(self, function: Callable[[], None]) -> None:
        """Return when the function first waits, or has ended."""
        one = self._idle.pop() if self._idle else greenlet(self._work, get_hub())
        one.switch(function)

    def _work(self, function: Callable[[], None]) -> None:
        hub, me = get_hub(), getcurrent()
        while True:
            function()
            del function  # it holds a connection
            if len(self._idle) >= KEPT:
                return
            self._idle.append(me)
            function = hub.switch()
