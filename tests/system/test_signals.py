"""gunicorn's signals and settings work with our worker: more, fewer and new workers, and an end in order."""
import signal
import socket
import threading
import time

import pytest
from running import SECRET, read_answer, wait_until
from sending import Ledger, Load

pytestmark = pytest.mark.slow
HEAD = f"POST /presence HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {SECRET}\r\nContent-Length: 2\r\n\r\n".encode()


def test_more_workers_fewer_and_all_anew_while_deliveries_go_on(start):
    one, ledger = start(), Ledger()
    first = one.workers()
    with Load(one, ledger, senders=2):
        one.process.send_signal(signal.SIGTTIN)
        wait_until(lambda: len(one.workers()) == 3, what="a third worker")
        one.process.send_signal(signal.SIGTTOU)
        wait_until(lambda: len(one.workers()) == 2, seconds=30, what="two workers")
        one.process.send_signal(signal.SIGUSR1)
        one.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(one.workers()) == 2 and not {*first} & {*one.workers()}, seconds=40, what="new workers")
    assert one.request("GET", "/healthz").status == 200
    assert ledger.numbers(500, 503) == [] and "Traceback" not in one.text()


def test_a_worker_that_has_served_its_most_is_replaced(start):
    one = start(workers=1, variables={"GUNICORN_CMD_ARGS": "--max-requests 20"})
    (first,) = one.workers()
    for _ in range(30):
        assert one.request("GET", "/healthz").status == 200
    wait_until(lambda: one.workers() not in ([first], []), what="another worker")


def test_an_application_that_is_loaded_before_the_fork(start):
    one = start(variables={"GUNICORN_CMD_ARGS": "--preload"})
    assert one.post([]).status == 200


def test_at_the_end_strangers_go_and_what_is_under_way_is_answered(start):
    one = start(workers=1)
    address = ("127.0.0.1", one.port)
    with socket.create_connection(address, 20) as stranger, socket.create_connection(address, 20) as known, \
            socket.create_connection(address, 20) as busy:
        known.sendall(HEAD + b"[]")
        assert read_answer(known).headers["Connection"] == "keep-alive"
        busy.sendall(HEAD + b"[")
        wait_until(lambda: one.request("GET", "/healthz").status == 200)
        began = time.monotonic()
        stopping = threading.Thread(target=one.stop)
        stopping.start()
        assert stranger.recv(1) == b""
        assert time.monotonic() - began < 5
        known.sendall(HEAD + b"[]")
        assert read_answer(known).headers["Connection"] == "close"
        busy.sendall(b"]")
        answer = read_answer(busy)
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        stopping.join(30)
    assert one.process.returncode == 0
