"""Buckets on loopback: a light server, a gateway before it that misbehaves, and a collector beside them."""
import contextlib
import datetime
import http.client
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading

import obstore
from fakes.s3 import S3Fake
from obstore.store import from_url
from running import environment, free_port, wait_until

KEYS = {"AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret", "AWS_REGION": "us-east-1"}
COLLECT = "from presence_receiver.cli.main import main; main()"
BODIES = {
    "page": (200, b"<html><body>Welcome to our hotel</body></html>"),
    "slow down": (503, b"<Error><Code>SlowDown</Code></Error>"),
    "deleted": (200, b"<DeleteResult><Deleted><Key>x</Key></Deleted></DeleteResult>"),
}
OBJECT = rb"GET \S*/(inbox|check-bucket)/\S+ "
ONLY = {
    "no delete": (b"DELETE|POST", 403), "lying delete": (b"DELETE|POST", "deleted"),
    "no copy": (rb"PUT \S*/aside/", 403),
    "held objects": (OBJECT, "hang"), "half objects": (OBJECT, "half"), "gone objects": (OBJECT, 404),
    "other bytes": (OBJECT, "other bytes"),
}
"""Modes for some requests alone: how those begin, and what is done to them."""


MOTO = os.environ.get("PRESENCE_TEST_BUCKET") == "moto"


def light_server(log):
    """One server for many buckets, in a `with`: our fake, or moto where PRESENCE_TEST_BUCKET asks for it."""
    return Moto(log) if MOTO else S3Fake(KEYS["AWS_ACCESS_KEY_ID"])


class Moto:
    """As light as a whole provider's API in Python can be."""

    def __init__(self, log):
        self.port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)

    def __enter__(self):
        wait_until(self._answers, 60, "moto to answer")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)

    def _answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class Store:
    """One bucket, looked at from outside."""

    def __init__(self, port, bucket, prefix="lines"):
        self.url, self.variables = f"s3://{bucket}/{prefix}", KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        self._bucket, self._port = bucket, port
        self._store = self._opened(f"{self.url}")

    def _opened(self, url):
        options = {name.lower(): value for name, value in self.variables.items()}
        return from_url(url, config=options, client_options={"allow_http": True})

    def make(self):
        """Create the bucket."""
        where = obstore.sign(self._opened(f"s3://{self._bucket}"), "PUT", "", datetime.timedelta(minutes=1))
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("PUT", where.split(str(self._port), 1)[1])
        answer = connection.getresponse()
        assert answer.status == 200, (answer.status, answer.read())
        connection.close()
        return self

    def put(self, path, content):
        obstore.put(self._store, path, content)

    def get(self, path):
        return bytes(obstore.get(self._store, path).bytes())

    def paths(self, prefix=""):
        return sorted(each["path"] for each in obstore.list(self._store, prefix or None).collect())

    def objects(self):
        """All that waits to be collected, by its path."""
        return {path: self.get(path) for path in self.paths("inbox/")}


class Collector:
    """presence-cli collect in a process of its own."""

    def __init__(self, folder, log, store, *arguments, variables=None):
        self.folder, self.log = folder, log
        self._environment = environment(folder, BUCKET_URL=store.url) | store.variables | (variables or {})
        self._arguments = arguments
        self.process = None

    def start(self):
        command = [sys.executable, "-c", COLLECT, "collect", *self._arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        return self

    def stop(self, how=signal.SIGTERM):
        """Its exit status."""
        self.process.send_signal(how)
        return self.process.wait(25)

    def text(self):
        return self.log.read_text()


class Gateway:
    """Passes requests on to a server, or misbehaves: `mode` says how. Counts them by method.

    With a `context` it speaks TLS.
    """

    def __init__(self, port, context=None):
        self._port, self.context = port, context
        self.mode, self.requests, self._over = "good", [], threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=self._listening.accept()[:1], daemon=True).start()

    def close(self):
        self._over.set()
        self._listening.close()

    def count(self, method):
        return sum(line.startswith(method) for line in self.requests)

    def _serve(self, client):
        with contextlib.suppress(OSError), self._secured(client) as client:
            while request := self._read(client):
                self.requests.append(request.partition(b"\r\n")[0].decode())
                if not self._answer(client, request):
                    return

    def _secured(self, client):
        return self.context.wrap_socket(client, server_side=True) if self.context else client

    def _read(self, client):
        """One request, all of it; of a body that is to be reset only its beginning."""
        received = b""
        while b"\r\n\r\n" not in received:
            piece = client.recv(1 << 16)
            if not piece:
                return None
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if self.mode == "reset":
            return received
        body = bytearray(body)
        while len(body) < sum(lengths):
            body += client.recv(1 << 20)
        return head + b"\r\n\r\n" + body

    def _answer(self, client, request):
        """Whether the connection goes on."""
        mode = self._mode(request)
        if mode == "hang":
            held = self.mode
            wait_until(lambda: self.mode != held, 120, "the end of hanging")
        elif mode == "black hole":  # for good, as where a machine or a way is gone
            self._over.wait(300)
        elif mode == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif mode == "late":  # done, but nobody hears of it
            self._passed(request)
        elif mode == "half":
            answer = self._passed(request)
            client.sendall(answer[:-len(answer.partition(b"\r\n\r\n")[2]) // 2])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif mode == "other bytes":
            head, _, body = self._passed(request).partition(b"\r\n\r\n")
            client.sendall(head + b"\r\n\r\n" + body[::-1])
        elif mode == "good":
            client.sendall(self._passed(request))
        else:
            status, body = BODIES.get(mode, (mode, b"<Error></Error>"))
            client.sendall(b"HTTP/1.1 %d Odd\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        return mode not in ("hang", "black hole", "reset", "late", "half")

    def _mode(self, request):
        """What is done to this request: some modes are for one kind."""
        kind, mode = ONLY.get(self.mode, (b"", self.mode))
        return mode if re.match(kind, request) else "good"

    def _passed(self, request):
        request = request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        with socket.create_connection(("127.0.0.1", self._port), 60) as server:
            server.sendall(request)
            answer = b"".join(iter(lambda: server.recv(1 << 16), b""))
        return answer.replace(b"Connection: close\r\n", b"")
