"""One connection: its socket, in gevent's loop, and the request that is under way on it.

A watcher calls `ready` when bytes have come, or go out again; a greenlet runs only while the application
has a request. Each call does a bounded piece of work.
"""
from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from gevent import get_hub
from greenlet import getcurrent, greenlet

from presence_receiver.server.http_rules import CLOSING_STATUSES
from presence_receiver.server.request_reader import RequestReader
from presence_receiver.server.wire import BODY_PIECE, NEVER, PIECE, READ, WRITE, Wire, now

if TYPE_CHECKING:
    from presence_receiver.server.worker import HttpWorker

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(Wire):
    """One sender's."""

    __slots__ = (
        "_worker", "_rest", "_waiting", "_wanted", "_has_ended", "_is_told", "_is_last", "_began", "_idle_seconds",
        "reader", "address", "is_busy", "is_trusted",
    )

    def __init__(self, worker: HttpWorker, connected: socket.socket, address: object) -> None:
        super().__init__(connected, worker.deadlines)
        self._expect_within(worker.deadlines.head)
        self._worker, self.address = worker, address
        self.reader = RequestReader(worker.base)
        self._rest = b""
        self._waiting: greenlet | None = None
        self._wanted = 0
        self._has_ended = self._is_told = self._is_last = self.is_busy = self.is_trusted = False
        self._began = self._idle_seconds = 0.0
        worker.connections.idle(self, is_trusted=False)

    def ready(self) -> None:
        """Do one piece of what is to be done; called by the loop."""
        if self._out:
            self._flush()
        elif self._drained >= 0:
            self._drain()
        elif self.is_busy and not self._waiting:
            self._watch(0)  # it goes on when the answer is sent
        elif self._rest and not self._waiting:
            data, self._rest = self._rest, b""
            self._watch(READ)
            self._received(data)
        else:
            self._receive()

    def overdue(self) -> None:
        """Treat whoever takes too long as a sender that has hung up."""
        if not self._waiting:
            return self.close()
        self._has_ended = True  # what has come of the body is all that comes
        self._watch(0)
        self._go_on()

    def end(self, *, idle_deadline: float, last_deadline: float) -> None:
        """Serve what has come, for the worker is about to end; others have little time, and strangers none."""
        self._latest = last_deadline
        if self._is_idle and not self.is_trusted:
            self.ready()
            if self._is_idle:
                self.close()
        elif self._is_idle:
            self.deadline = min(self.deadline, idle_deadline)
        elif self._waiting or not self.is_busy:
            self.deadline = min(self.deadline, last_deadline)

    @property
    def _is_idle(self) -> bool:
        return not (self._began or self.is_busy or self._out or self._drained >= 0)

    def close(self) -> None:
        """Close it at once, and without a word."""
        if self.is_closed:
            return
        super().close()
        self._has_ended, self._rest = True, b""
        self.reader.release()
        self._worker.closed(self)

    def read_body(self, size: int) -> bytes:
        """Read as RequestBody asks for it; only an application that has seen the secret does."""
        reader = self.reader
        self.is_trusted = True
        if reader.wants_continue and not (self._rest or reader.size or reader.is_complete or self._has_ended):
            self._send(CONTINUE)
        reader.wants_continue = False
        self._rest = reader.feed(self._rest)
        while reader.size < size and not (reader.is_complete or reader.is_broken or self._has_ended):
            self._wait(size)
        if reader.size < size and not (reader.is_complete or reader.length or self._is_told):
            self._is_told = True
            raise OSError("The body is wrongly framed or broke off; another read has what came.")
        return reader.take(size)

    def _wait(self, size: int) -> None:
        self._wanted, self.deadline = size, min(self._began + self._deadlines.request, self._latest)
        self._watch(WRITE if self._out else READ)
        self._waiting = getcurrent()
        get_hub().switch()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(BODY_PIECE if self._waiting else PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._received(data)
        else:
            self.overdue()

    def _received(self, data: bytes) -> None:
        reader = self.reader
        self._rest = reader.feed(data)
        if self._waiting:
            if reader.size >= self._wanted or reader.is_complete or reader.is_broken:
                self._go_on()
        elif reader.refusal:
            self._began = self._began or now()
            self._worker.refuse(self, reader.refusal)
        elif reader.has_head:
            self._begin()
        elif not self._began and reader.has_begun:
            self._began = now()
            self._expect_within(self._deadlines.request if self.is_trusted else self._deadlines.head)
            self._worker.connections.begun(self, self._began)

    def _begin(self) -> None:
        self._began = self._began or now()
        self.is_busy, self.deadline = True, NEVER
        self._worker.connections.under_way(self)
        self._worker.begin(self)

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        self.deadline = NEVER
        if waiting:
            waiting.switch()

    @property
    def seconds(self) -> float:
        """Since the request began."""
        return now() - self._began

    def may_go_on(self, status: int) -> bool:
        """Return whether another request may follow one that is answered so."""
        return self.reader.keep_alive and self.reader.is_complete and status not in CLOSING_STATUSES

    def answer(self, data: bytes, *, status: int, keep_alive: bool) -> None:
        """Send the answer, whole; then expect the next request or, after the last, the sender's end."""
        if self.is_closed:
            return
        self._is_last, self.is_busy, self._began = not keep_alive, False, 0.0
        self._idle_seconds = self._worker.keepalive if status == 200 or self.is_trusted else self._deadlines.head
        self._send(data)
        if not self._out:
            self._answered()
        elif not self.is_trusted:  # a stranger who does not read is nobody to wait for
            self._worker.connections.begun(self, now())

    def _sent(self) -> None:
        if self._waiting:
            self._watch(READ)
        else:
            self._answered()

    def _answered(self) -> None:
        if self.is_closed:
            return
        self._worker.connections.idle(self, is_trusted=self.is_trusted and not self._is_last)
        if self._is_last:
            return self._shut()
        self._expect_within(self._idle_seconds)
        self.reader.expect_next()
        self._watch(READ | WRITE if self._rest else READ)
