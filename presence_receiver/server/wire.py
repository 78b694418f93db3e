"""The socket of one connection in gevent's loop: bytes out as they go, and an end at which no answer is lost.

Knows no HTTP. Each call does a bounded piece of work and never waits.
"""
from __future__ import annotations

import socket
import time

from gevent import get_hub

READ, WRITE = 1, 2
PROGRESS_SECONDS = 60
"""So long what is sent may make no progress."""

DRAIN_SECONDS, DRAIN_BYTES = 2, 64 * 1024
"""What is read and thrown away after a last answer: closing on unread bytes would take the answer back."""

PIECE = 64 * 1024
BODY_PIECE = 256 * 1024
"""Bytes read at once; more where the application waits for a body."""

now = time.monotonic


class Wire:
    """A connected socket and its watcher; who inherits says what `ready` does, and what follows what was sent."""

    __slots__ = ("_socket", "_watcher", "_events", "_out", "_drained", "deadline", "is_closed")

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket, self.deadline, self.is_closed = connected, deadline, False
        self._out = b""
        self._drained = -1  # bytes thrown away; -1 before it comes to that
        self._watcher = get_hub().loop.io(connected.fileno(), READ)
        self._events = 0
        self._watch(READ)

    def ready(self) -> None:
        """Called by the loop when bytes have come or can go."""
        raise NotImplementedError

    def _sent(self) -> None:
        """Called when what had to wait has gone out."""
        raise NotImplementedError

    def _send(self, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return self.close()
        if sent < len(data):
            self._out, self.deadline = self._out + data[sent:], now() + PROGRESS_SECONDS
            self._watch(WRITE)

    def _flush(self) -> None:
        data, self._out = self._out, b""
        before = self.deadline
        self._send(data)
        if len(self._out) == len(data):
            self.deadline = before
        elif not self._out and not self.is_closed:
            self._sent()

    def _shut(self) -> None:
        """Say that no more comes, and wait until the sender has heard it."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return self.close()
        self._drained, self.deadline = 0, now() + DRAIN_SECONDS
        self._watch(READ)

    def _drain(self) -> None:
        try:
            count = len(self._socket.recv(PIECE))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        self._drained += count
        if not count or self._drained >= DRAIN_BYTES:
            self.close()

    def close(self) -> None:
        """At once, and without a word."""
        if not self.is_closed:
            self._watcher.stop()
            self._watcher.close()
            self._socket.close()
            self.is_closed, self._out = True, b""

    def _watch(self, events: int) -> None:
        if self.is_closed or events == self._events:
            return
        self._watcher.stop()
        self._events = events
        if events:
            setattr(self._watcher, "events", events)  # which the types of gevent lack
            self._watcher.start(self.ready)
