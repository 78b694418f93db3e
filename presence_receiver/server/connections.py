"""Which connections are there, and which goes first where descriptors run short. Pure; knows no socket.

Who has shown the secret comes before who has not; who has been idle longest goes first.
"""
from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Connection = TypeVar("Connection", bound=Hashable)


class Connections(Generic[Connection]):
    """All connections of a worker; each is idle, or its request has begun, or it is under way."""

    def __init__(self, safe_seconds: float) -> None:
        self._safe_seconds = safe_seconds  # of a request that has begun
        self._all: dict[Connection, None] = {}
        self._strangers: dict[Connection, None] = {}
        self._trusted: dict[Connection, None] = {}
        self._begun: dict[Connection, float] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        """Yield each one, and whatever becomes of them meanwhile."""
        return iter([*self._all])

    def idle(self, connection: Connection, *, is_trusted: bool) -> None:
        """Count it as idle, new or with its request answered; trusted is who has shown the secret."""
        self._all[connection] = None
        self._begun.pop(connection, None)
        self._trusted.pop(connection, None)
        self._strangers.pop(connection, None)
        (self._trusted if is_trusted else self._strangers)[connection] = None

    def begun(self, connection: Connection, now: float) -> None:
        """Take note that the first byte of a request has come."""
        self._leave_idle(connection)
        self._begun[connection] = now

    def under_way(self, connection: Connection) -> None:
        """Take note that the application has the request."""
        self._leave_idle(connection)
        self._begun.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        """Forget it."""
        self.under_way(connection)
        self._all.pop(connection, None)

    def first_to_go(self, now: float) -> Connection | None:
        """Return the one to close for a new one; None where each has a request under way or just begun."""
        for kind in (self._strangers, self._trusted):
            if kind:
                return next(iter(kind))
        slowest = next(iter(self._begun), None)
        if slowest is None or now < self._begun[slowest] + self._safe_seconds:
            return None
        return slowest

    def _leave_idle(self, connection: Connection) -> None:
        self._strangers.pop(connection, None)
        self._trusted.pop(connection, None)
