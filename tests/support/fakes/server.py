"""A real HTTP server that remembers every request and can be told to misbehave on the next one."""

import json
import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: list
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: tuple = ()


def as_json(status, value, *headers):
    return Reply(status, json.dumps(value).encode(), (("Content-Type", "application/json"), *headers))


def page(status):
    return Reply(status, b"<html><body>Sorry!</body></html>", (("Content-Type", "text/html"),))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 20

    def handle_any(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = parse_qsl(url.query, keep_blank_values=True)
        seen = Seen(self.command, url.path, query, dict(self.headers), body)
        fake = self.server.fake
        with fake.lock:
            fake.seen.append(seen)
            fault = fake.next_fault(seen.method)
        fault(self, lambda: fake.answer(seen))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    def reply(self, reply):
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def reset(self):
        """Ends the connection with RST, as a crashed server or a NAT does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    """Waits for its threads when it is closed, so no connection may stay open."""

    daemon_threads = False

    def __init__(self, *args):
        super().__init__(*args)
        self.connections = []

    def get_request(self):
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def hang_up(self):
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request):
        """A connection to be reset must not say goodbye first."""
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
            self.close_request(request)
        else:
            super().shutdown_request(request)


class Fake:
    """Answers requests; `misbehave` queues a fault for the next request of a method."""

    def __init__(self):
        self.seen = []
        self.lock = threading.Lock()
        self.faults = deque()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.fake = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.hang_up()
        self.server.server_close()
        self.thread.join()

    def misbehave(self, method, *faults):
        self.faults.extend((method, fault) for fault in faults)

    def next_fault(self, method):
        for waiting in self.faults:
            if waiting[0] == method:
                self.faults.remove(waiting)
                return waiting[1]
        return well

    def calls(self, *methods):
        return [(seen.method, seen.path) for seen in self.seen if seen.method in methods or not methods]


def well(handler, act):
    handler.reply(act())


def instead(reply):
    """Answers with `reply` and does nothing."""
    return lambda handler, act: handler.reply(reply)


def done_but(reply):
    """Does it, and answers with `reply` all the same."""
    def fault(handler, act):
        act()
        handler.reply(reply)
    return fault


def lost(handler, act):
    """Does it and resets the connection."""
    act()
    handler.reset()


def reset(handler, act):
    """Resets the connection and does nothing."""
    handler.reset()


def broken_off(handler, act):
    """Does it, sends half of the answer and resets the connection."""
    reply = act()
    handler.send_response(reply.status)
    handler.send_header("Content-Length", str(len(reply.body) + 1000))
    handler.end_headers()
    handler.wfile.write(reply.body[:len(reply.body) // 2])
    handler.wfile.flush()
    handler.reset()


def truncated(handler, act):
    """Answers with a whole body that is half a JSON text."""
    handler.reply(Reply(200, b'{"data": [{"id": 1, "secret": "half', (("Content-Type", "application/json"),)))


def silent(handler, act):
    """Answers nothing until the other side hangs up."""
    handler.connection.recv(1)
    handler.reset()
