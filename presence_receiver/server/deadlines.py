"""How long is waited for whom, in seconds. Pure; what a worker waits for is its own `deadlines`, as tests use it."""
from __future__ import annotations

from typing import NamedTuple


class Deadlines(NamedTuple):
    """Each is looked at every `tick`, so that it may last so much longer."""

    head: float = 10
    """For a connection's first byte, and from there for its head before the secret is shown; so long it is safe."""
    request: float = 60
    """For a whole request, from its first byte."""
    progress: float = 60
    """For a sender to take any of what is sent."""
    drain: float = 2
    """For what a sender still sends after a last answer."""
    idle_at_end: float = 10
    """For the next request of who has shown the secret, when the worker is to end."""
    reserve: float = 3
    """For answering what is cut off, before graceful_timeout is over."""
    tick: float = 1
