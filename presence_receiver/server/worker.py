"""gunicorn's worker: a C parser and gevent's loop in place of gunicorn's own handling of a connection.

gunicorn's arbiter, signals, settings and logging are as ever, and so is the WSGI application, which runs in
greenlets. What gunicorn's settings say of TLS, of HTTP/2 and of hooks for each request, it does not do.
"""
from __future__ import annotations

import datetime
import os
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Any

import gevent
from gevent import get_hub, hub, monkey
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.base import Worker

from presence_receiver.log_limit import LimitedLog
from presence_receiver.server import answers
from presence_receiver.server.connection import Connection
from presence_receiver.server.connections import Connections
from presence_receiver.server.deadlines import Deadlines
from presence_receiver.server.door import Door, descriptors
from presence_receiver.server.greenlets import Greenlets
from presence_receiver.server.http_rules import Environ, Refused
from presence_receiver.server.log import LONGEST
from presence_receiver.server.request_body import RequestBody

THREADS = 3
"""What files need at once: for a commit, for the last delivery's time and for keeping house. All ten of gevent's
together make a delivery of 3 observations a tenth dearer."""

CUT_OFF_AT_ONCE = 50
"""Thousands of strangers may be overdue in the same second."""


class HttpWorker(Worker):
    """Serves HTTP/1.1 to many connections of which most are idle."""

    deadlines = Deadlines()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.cfg.is_ssl:
            raise RuntimeError("This worker speaks no TLS: remove certfile and keyfile, or put a proxy in front.")
        self.connections: Connections[Connection] = Connections(self.deadlines.head)
        self.keepalive: float = self.cfg.keepalive
        self._greenlets = Greenlets()

    def init_process(self) -> None:
        """Let what waits in the application wait in gevent's loop; called after the fork."""
        monkey.patch_all()
        hub.reinit()
        _begin_threads()
        self._limit = min(self.cfg.worker_connections, descriptors())
        super().init_process()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Quit in a greenlet, for gunicorn sleeps there, which the loop must not."""
        gevent.spawn(super().handle_quit, sig, frame)

    def handle_usr1(self, sig: int, frame: FrameType | None) -> None:
        """Reopen the log in a greenlet: a lock of the log's may be taken."""
        gevent.spawn(super().handle_usr1, sig, frame)

    def run(self) -> None:
        """Serve until told to end, and then what is under way."""
        self._application: Any = self.wsgi
        self._warnings = LimitedLog(self.log.error_log)
        self.base = self._base()
        loop, tick = get_hub().loop, self.deadlines.tick
        self._soon = loop.timer(0.002)
        timer = loop.timer(tick, repeat=tick)
        timer.start(self._tick)
        self._door = Door(self.sockets, self._make_room, lambda *connected: Connection(self, *connected))
        while self.alive:
            self._beat(tick)
        end = time.monotonic() + self.cfg.graceful_timeout
        loop.run_callback(self._end, end)
        self._beat(0.05)
        while self.connections and time.monotonic() < end:
            self._beat(0.05)
        timer.stop()

    def _base(self) -> Environ:
        """Return what the environs of all requests share."""
        name = self.sockets[0].getsockname()
        host, port = name[:2] if isinstance(name, tuple) else (name, "")
        return dict(base_environ(self.cfg)) | {
            "wsgi.multithread": True, "wsgi.url_scheme": "http", "SCRIPT_NAME": "",
            "SERVER_NAME": host, "SERVER_PORT": str(port),
        }

    def _beat(self, seconds: float) -> None:
        self.notify()
        if self.ppid != os.getppid():
            self.log.info("Parent changed, shutting down: %s", self)
            sys.exit(0)
        gevent.sleep(seconds)

    def _make_room(self) -> bool:
        """See that one more may come, for which another may have to go."""
        if len(self.connections) < self._limit:
            return True
        first = self.connections.first_to_go(time.monotonic())
        if first is not None:
            first.close()
        return first is not None

    def _tick(self) -> None:
        """Do what is due every so often."""
        self._door.someone_left()
        now = time.monotonic()
        overdue = [connection for connection in self.connections if connection.deadline < now]
        for connection in overdue[:CUT_OFF_AT_ONCE]:
            connection.overdue()
        if len(overdue) > CUT_OFF_AT_ONCE:
            self._soon.start(self._tick)

    def _end(self, end: float) -> None:
        """Let in who has connected already, then nobody; see that all who are there come to an end."""
        self._door.close()
        now = time.monotonic()
        last = max(now, end - self.deadlines.reserve)
        for connection in self.connections:
            connection.end(idle_deadline=min(now + self.deadlines.idle_at_end, last), last_deadline=last)

    def closed(self, connection: Connection) -> None:
        """Take note that a connection is gone."""
        self.connections.closed(connection)
        self._door.someone_left()

    def begin(self, connection: Connection) -> None:
        """Let the application have the connection's request."""
        self._greenlets.run(lambda: self._serve(connection))

    def _serve(self, connection: Connection) -> None:
        environ, answer = connection.reader.environ, answers.Answer()
        environ["wsgi.input"] = RequestBody(connection)
        _add_address(environ, connection.address)
        self._count()
        try:
            answer.ask(self._application, environ)
            self._finish(connection, environ, answer)
        except Exception:  # whatever the application raises, or answers that is no HTTP, is its 500
            asked = environ["REQUEST_METHOD"], environ["PATH_INFO"][:LONGEST]
            self.log.exception("Error handling request %s %s", *asked)
            failed = answers.refusal(Refused(500, "The receiver failed; its log says why."))
            self._finish(connection, environ, failed)

    def _count(self) -> None:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False

    def _finish(self, connection: Connection, environ: Environ, answer: answers.Answer) -> None:
        keep_alive = self.alive and connection.may_go_on(answer.code)
        data = answer.encoded(keep_alive=keep_alive, is_head=environ["REQUEST_METHOD"] == "HEAD")
        seconds = connection.seconds
        connection.answer(data, status=answer.code, keep_alive=keep_alive)
        fields = ((key[5:].replace("_", "-"), value) for key, value in environ.items() if key.startswith("HTTP_"))
        log: Any = self.log  # whose types ask for gunicorn's own requests and answers
        log.access(answer, fields, environ, datetime.timedelta(seconds=seconds))

    def refuse(self, connection: Connection, refused: Refused) -> None:
        """Answer a request that the application does not see."""
        self._warnings.warning(str(refused.status), "A request was refused with %d: %s", refused.status, refused)
        answer = answers.refusal(refused)
        connection.answer(answer.encoded(keep_alive=False, is_head=False), status=refused.status, keep_alive=False)


def _begin_threads() -> None:
    """Begin threads of gevent's pool, for good: a delivery a minute would begin one each time.

    That fails where a container may have no more processes just then.
    """
    gevent.config.threadpool_idle_task_timeout = 365 * 86_400.0
    with suppress(RuntimeError):
        get_hub().threadpool.size = THREADS


def _add_address(environ: Environ, address: Any) -> None:
    """Add whose connection it is; a Unix socket's is nobody's."""
    host, port = address[:2] if isinstance(address, tuple) else ("", "")
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = host, str(port)
