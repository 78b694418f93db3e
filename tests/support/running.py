"""A receiver as it is deployed: the Procfile's own line, in a process group of its own, on a free port."""
import http.client
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from processes import children, memory

ROOT = Path(__file__).parents[2]
COMMAND = shlex.split((ROOT / "Procfile").read_text().removeprefix("web:"))
SECRET = "hunter22"
AUTHORIZED = {"Authorization": f"Basic {SECRET}"}


class Answer(NamedTuple):
    """One HTTP answer; `json` is None where the body is none, `headers` are those that do not change."""

    status: int
    json: object
    headers: dict


def wait_until(condition, seconds=20, what="it to happen"):
    """The condition's first true value."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)
    return found


def timed(do):
    """Return what it returns, and how many seconds it took."""
    began = time.monotonic()
    return do(), time.monotonic() - began


def free_port():
    """Below the ports that the kernel gives to outgoing connections, so that none of those takes it first."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


def environment(folder, **settings):
    """Ours, without what would change a receiver, and with these settings (PRESENCE_ is put before them)."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PRESENCE_")}
    ours = {"SECRET": SECRET, "DATA_DIR": folder, **settings}
    plain["PATH"] = f"{Path(sys.executable).parent}:{plain['PATH']}"
    return plain | {f"PRESENCE_{name}": str(value) for name, value in ours.items() if value is not None}


def answer(response):
    """The answer of an http.client response, read to its end."""
    body = response.read()
    headers = {name: value for name, value in response.getheaders() if name not in ("Date", "Content-Length")}
    return Answer(response.status, json.loads(body) if body else None, headers)


class Receiver:
    """A running gunicorn; `settings` are PRESENCE_ ones, `before` what stands before its command."""

    def __init__(self, folder, log, workers=2, variables=None, before=(), **settings):
        self.command = [*before, *COMMAND]
        self.folder, self.log, self.port = Path(folder), Path(log), free_port()
        self._environment = environment(folder, **settings) | {"WEB_CONCURRENCY": str(workers)}
        self._environment |= {"PORT": str(self.port), **(variables or {})}
        self.process = None

    def __enter__(self):
        self.launch()
        wait_until(self._answers, what=f"the receiver to answer; its log:\n{self.text()}")
        return self

    def __exit__(self, *_):
        self.stop()

    def launch(self):
        """Start it without waiting."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def _answers(self):
        assert self.process.poll() is None, f"the receiver did not start:\n{self.text()}"
        try:
            return self.request("GET", "/").status == 200
        except OSError:
            return False

    def stop(self, seconds=25):
        """End it as a platform does; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def kill(self):
        """End the whole group at once; also what a dead master left behind."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)

    def workers(self):
        """The process ids of the workers."""
        return children(self.process.pid)

    def memory(self, field):
        """The largest of its workers, in bytes: VmRSS is now, VmHWM the most there ever was."""
        return max(memory(worker, field) for worker in self.workers())

    def text(self):
        """What it has logged so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def connect(self, seconds=30):
        """A connection for several requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def request(self, method, path, body=None, headers=None, **options):
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {}, **options)
            return answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, body, headers=AUTHORIZED, **options):
        """A delivery; what is not bytes (or an iterable of chunks) yet becomes JSON."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        return self.request("POST", "/presence", body, headers, **options)

    def raw(self, request, seconds=30):
        """Send these bytes and nothing more; the answer, and None in its JSON's place where it is a page."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
            except OSError:  # it may answer before it has read all
                pass
            return read_answer(connection)


def read_answer(connection):
    """The next answer on a socket."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    if response.getheader("Content-Type") == "application/json":
        return answer(response)
    return Answer(response.status, None, dict(response.getheaders()))
