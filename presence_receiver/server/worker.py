"""gunicorn's gevent worker with a deadline: who takes too long over a request has, for us, hung up.

No worker class of gunicorn's cuts off a sender that drips a byte now and then.
"""
from __future__ import annotations

import time
from typing import Any

from gevent import socket
from gunicorn.workers.ggevent import GeventWorker

REQUEST_SECONDS = 60


class PatientSocket(socket.socket):
    """A connection whose request must be complete so many seconds after its first byte.

    When they are over, or the sender resets the connection, it reads as at its end.
    """

    def __init__(self, connection: socket.socket, idle_seconds: float) -> None:
        family, kind, protocol = connection.family, connection.type, connection.proto
        super().__init__(family, kind, protocol, fileno=connection.detach())
        self._idle_seconds = idle_seconds
        self._deadline: float | None = None

    def expect_request(self) -> None:
        """From now on, what comes is a new request."""
        self._deadline = None

    def recv(self, *args: Any) -> bytes:
        """As of any socket, but nothing when the time is over."""
        now = time.monotonic()
        remaining = self._idle_seconds if self._deadline is None else self._deadline - now
        if remaining <= 0:
            return b""
        self.settimeout(remaining)
        try:
            received: bytes = super().recv(*args)
        except (TimeoutError, ConnectionResetError):
            return b""
        self.settimeout(REQUEST_SECONDS)
        if self._deadline is None:
            self._deadline = time.monotonic() + REQUEST_SECONDS
        return received


class PatientWorker(GeventWorker):
    """A gevent worker that gives each request, not only each connection, its time."""

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        """Serve one connection."""
        super().handle(listener, PatientSocket(client, self.cfg.keepalive), addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Serve one request whose headers have been read."""
        is_kept = super().handle_request(listener_name, req, sock, addr)
        sock.expect_request()
        return is_kept
