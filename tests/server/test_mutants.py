"""Thousands of odd requests through a running worker: what it serves, whole and in pieces, and h11."""
import contextlib
import itertools
import json
import random
import re
import socket

import pytest
from echoing import echo
from odd_requests import differences, mutants

AT_ONCE = 100
EVERY = 40
"""Of so many batches, one is sent byte by byte."""

ANSWER = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\n\r\n", re.DOTALL)


@pytest.fixture
def one(tmp_path):
    with echo(tmp_path) as one:
        workers = one.workers()
        yield one
        assert one.workers() == workers and "Traceback" not in one.text()


def exchange(port, cut):
    """Send the pieces of each, all first ones first, and each one's end; all that is answered to each."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in cut:
            connections.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), 20)))
            connections[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pieces in itertools.zip_longest(*cut):
            for connection, piece in zip(connections, pieces, strict=True):
                with contextlib.suppress(OSError):  # it may be refused already
                    connection.sendall(piece or b"")
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        return [all_of(connection) for connection in connections]


def all_of(connection):
    """All that comes until the other side ends."""
    came = b""
    while piece := connection.recv(1 << 16):
        came += piece
    return came


def outcome(came):
    """As odd_requests.served has it: (method, path, body) of each request, then a status, "broken" or "waits"."""
    found = []
    while came:
        head = ANSWER.match(came)
        status, fields = int(head[1]), head[0].decode().split("\r\n")[1:-2]
        headers = dict(field.split(": ", 1) for field in fields)
        came = came[head.end():]
        if status == 100:
            continue
        if "X-Echo" not in headers:
            return [*found, status]
        method, path, body = json.loads(headers["X-Echo"])
        if method != "HEAD":
            came = came[int(headers["Content-Length"]):]
        if body == "broken":
            assert not came
            return [*found, body]
        found.append((method, path, body.encode("latin-1")))
        if headers["Connection"] == "close":
            assert not came
            return found
    return [*found, "waits"]


def in_pieces(chance, data, is_bytewise):
    """The same data, cut at one to five places, or everywhere."""
    every = range(1, len(data) + 1)
    places = every if is_bytewise or not data else sorted(chance.choices(every, k=chance.randint(1, 5)))
    return [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]


def is_other(data, whole):
    """Whether h11 decides otherwise; a body that broke off is broken here, and one that it waits for there."""
    first = differences(data, whole)
    return first is not None and (whole[-1], first[1]) != ("broken", "waits")


@pytest.mark.parametrize("count", [1_000, pytest.param(60_000, marks=pytest.mark.slow)])
def test_mutants_through_the_worker(count, one):
    chance, every = random.Random(20261125), mutants(count)
    for number, batch in enumerate(iter(lambda: [*itertools.islice(every, AT_ONCE)], [])):
        whole = [*map(outcome, exchange(one.port, [[data] for data in batch]))]
        cut = [in_pieces(chance, data, number % EVERY == 1) for data in batch]
        assert [*map(outcome, exchange(one.port, cut))] == whole
        assert [data for data, found in zip(batch, whole, strict=True) if is_other(data, found)] == []
