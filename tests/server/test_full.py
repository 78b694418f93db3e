"""A worker that has as many connections as it may have: who goes, who stays, and who waits at the door."""
import contextlib
import resource
import socket
import time

import pytest
from echo import HASTY
from echoing import connection_count, descriptors, echo
from running import SECRET, read_answer, wait_until

MOST = 4
HASTE = f"--worker-class echo.HastyWorker --worker-connections {MOST}"
HEAD = "POST /presence HTTP/1.1\r\nHost: x\r\n"
POST = f"{HEAD}Authorization: Basic {SECRET}\r\n".encode()
BODY = b"Content-Length: 2\r\n\r\n[]"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with echo(tmp_path_factory.mktemp("echo"), HASTE) as one:
        yield one
        assert "Traceback" not in one.text()


@contextlib.contextmanager
def connections(server, count=MOST, sent=b""):
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)))
            made[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
            made[-1].sendall(sent)
        yield made


def waited(server):
    """Seconds until another one is answered."""
    began = time.monotonic()
    assert server.post([]).status == 200
    return time.monotonic() - began


def test_who_has_shown_the_secret_with_an_empty_delivery_stays(tmp_path):
    one = echo(tmp_path, HASTE)
    one.command[-1] = "wsgi:app"
    with one, connections(one, 1) as (known,):
        known.sendall(POST + b"Content-Length: 0\r\n\r\n")
        assert read_answer(known).status == 400
        with connections(one, 3 * MOST):
            assert one.post([]).status == 200
            known.sendall(POST + BODY)
            assert read_answer(known).status == 200


def test_idle_strangers_go_at_once(server):
    with connections(server) as strangers:
        assert waited(server) < HASTY.head
        assert strangers[0].recv(1) == b""


@pytest.mark.parametrize("sent", [b"GET /", b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_head_and_an_answer_that_is_not_read_are_safe_for_a_while(sent, server):
    """Else who never reads would have the place as long as that is taken for slow."""
    with connections(server, sent=sent) as strangers:
        assert HASTY.head * 0.8 < waited(server) < HASTY.progress * 0.8
        assert len(strangers) == MOST


def test_nobody_goes_whose_request_is_under_way(server):
    with connections(server, sent=POST + b"Expect: 100-continue\r\n" + BODY[:-2]) as busy:
        for connection in busy:  # each is under way before another comes
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        with connections(server, 1, POST + BODY) as (waiting,):
            waiting.settimeout(0.5)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
            for connection in busy:
                connection.sendall(b"[]")
                assert read_answer(connection).status == 200
            waiting.settimeout(10)
            assert read_answer(waiting).status == 200


def test_without_a_descriptor_left_the_next_one_waits(server):
    wait_until(lambda: connection_count(server) == 0, what="the connections of other tests to be closed")
    (worker,) = server.workers()
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (descriptors(server), before[1]))
    with connections(server, 1, POST + BODY) as (waiting,):
        waiting.settimeout(0.5)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
        waiting.settimeout(10)
        assert read_answer(waiting).status == 200
