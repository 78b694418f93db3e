"""The socket of one connection in gevent's loop: bytes out as they go, and an end at which no answer is lost.

Knows no HTTP. Each call does a bounded piece of work and never waits.
"""
from __future__ import annotations

import socket
import struct
import time

from gevent import get_hub

from presence_receiver.server.deadlines import Deadlines

READ, WRITE = 1, 2
ABORT = struct.pack("ii", 1, 0)
"""For SO_LINGER: throw away what has not been sent."""

DRAIN_BYTES = 64 * 1024
"""What is read and thrown away after a last answer: closing on unread bytes would take the answer back."""

PIECE = 64 * 1024
BODY_PIECE = 256 * 1024
"""Bytes read at once; more where the application waits for a body."""

NEVER = float("inf")
now = time.monotonic


class Wire:
    """A connected socket and its watcher; who inherits says what `ready` does, and what follows what was sent."""

    __slots__ = ("_socket", "_deadlines", "_watcher", "_events", "_out", "_drained", "_latest", "deadline", "is_closed")

    def __init__(self, connected: socket.socket, deadlines: Deadlines) -> None:
        self._socket, self._deadlines, self.is_closed = connected, deadlines, False
        self.deadline = self._latest = NEVER
        self._out = b""
        self._drained = -1  # bytes thrown away; -1 before it comes to that
        self._watcher = get_hub().loop.io(connected.fileno(), READ)
        self._events = 0
        self._watch(READ)

    def ready(self) -> None:
        """Read or send; called by the loop when bytes have come or can go."""
        raise NotImplementedError

    def _sent(self) -> None:
        """Go on, now that what had to wait has gone out."""
        raise NotImplementedError

    def _send(self, data: bytes) -> None:
        data, self._out = self._out + data, b""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return self.close()
        if sent < len(data):
            self._out = data[sent:]
            self._expect_within(self._deadlines.progress)
            self._watch(WRITE)

    def _flush(self) -> None:
        self._send(b"")
        if not self._out and not self.is_closed:
            self._sent()

    def _shut(self) -> None:
        """Say that no more comes, and wait until the sender has heard it."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return self.close()
        self._drained = 0
        self._expect_within(self._deadlines.drain)
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
        """Close it at once, and without a word."""
        if not self.is_closed:
            self._watcher.stop()
            self._watcher.close()
            if self._out:  # else the kernel would offer to the sender, for minutes, what it does not take
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            self._socket.close()
            self.is_closed, self._out = True, b""

    def _expect_within(self, seconds: float) -> None:
        """Set how long what comes next may take, in all cases at most until the worker's end."""
        self.deadline = min(now() + seconds, self._latest)

    def _watch(self, events: int) -> None:
        if self.is_closed or events == self._events:
            return
        self._watcher.stop()
        self._events = events
        if events:
            setattr(self._watcher, "events", events)  # which the types of gevent lack
            self._watcher.start(self.ready)
