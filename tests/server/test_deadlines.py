"""How long the worker waits for whom: with a worker of the tests' own that waits little, and as it is."""
import contextlib
import select
import socket
import time

import pytest
from echo import HASTY, KEEP_ALIVE, LARGE
from echoing import echo
from running import read_answer

from presence_receiver.server.config import keepalive
from presence_receiver.server.deadlines import Deadlines

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
UNREAD = b"GET /unread HTTP/1.1\r\nHost: x\r\n\r\n"
REFUSED = b"GET /refused HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE_ONE = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"

BEGINNINGS = {  # what is sent, and answered, first; what is sent then; and which deadline it meets
    "silent": (b"", b"", "head"),
    "a head": (b"", b"G", "head"),
    "a slow head": (b"", b"GET /", "head"),
    "a body": (b"", POST + b"[", "request"),
    "a slow body": (b"", POST.replace(b"2", b"200000") + b"[", "request"),
    "a slow head after a delivery": (POST + b"[]", b"GET /", "request"),
    "a slow head after another request": (UNREAD, b"GET /", "head"),
    "no reader": (b"", LARGE_ONE, "progress"),
    "nothing after a delivery": (POST + b"[]", b"", "keepalive"),
    "nothing but an empty line after a delivery": (POST + b"[]", b"\r\n", "keepalive"),
    "nothing after another request": (UNREAD, b"", "keepalive"),
    "refused and goes on": (REFUSED, b"G", "drain"),
}


@pytest.fixture(params=["hasty", pytest.param("real", marks=pytest.mark.slow)])
def waiting(request, tmp_path):
    """A server, and how long it waits."""
    arguments, waits = [], Deadlines()._asdict() | {"keepalive": keepalive}
    if request.param == "hasty":
        arguments = ["--worker-class echo.HastyWorker", f"--keep-alive {KEEP_ALIVE}"]
        waits = HASTY._asdict() | {"keepalive": KEEP_ALIVE}
    with echo(tmp_path, *arguments) as one:
        yield one, waits


def begun(stack, port, first, then):
    """A connection that has come so far; whoever reads little has a small buffer."""
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", port))
    connection.sendall(first)
    if first:
        assert read_answer(connection).status in (200, 404)
    connection.sendall(then)
    return connection


def is_over(connection, name):
    """Whether it is answered or closed; who is slow sends another byte, and who is to read nothing does not."""
    try:
        if "slow" in name or "goes on" in name:
            connection.send(b"x")
        poll = select.poll()
        poll.register(connection, 0 if name == "no reader" else select.POLLIN)
        return bool(poll.poll(0)) and "goes on" not in name
    except ConnectionError:
        return True


def ends(connections, seconds):
    """The name and the end of each connection that ends within so many seconds, as they end."""
    pending, last = dict(connections), time.monotonic() + seconds
    while pending and time.monotonic() < last:
        time.sleep(0.02)
        for name in [name for name, connection in pending.items() if is_over(connection, name)]:
            yield name, time.monotonic()
            del pending[name]


def test_everything_has_its_time(waiting):
    one, waits = waiting
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        connections = {
            name: begun(stack, one.port, first, then) for name, (first, then, _) in BEGINNINGS.items()}
        took = {name: end - began for name, end in ends(connections, waits["keepalive"] + 3)}
    early = {name: end for name, end in took.items() if end < waits[BEGINNINGS[name][2]]}
    late = {name: took.get(name) for name, (*_, kind) in BEGINNINGS.items()
            if name not in took or took[name] > waits[kind] + 0.8 + 2 * waits["tick"]}
    assert (early, late) == ({}, {})
    assert "Traceback" not in one.text()


def test_who_reads_slowly_gets_it_all(waiting):
    one, waits = waiting
    with contextlib.ExitStack() as stack:
        connection = begun(stack, one.port, b"", LARGE_ONE)
        read, end = 0, time.monotonic() + 1.5 * waits["progress"]
        while time.monotonic() < end:
            time.sleep(waits["progress"] / 5)
            read += len(connection.recv(100_000))
        while read < LARGE:
            assert (piece := connection.recv(1 << 20)), read
            read += len(piece)
