"""gunicorn's signals and settings work with our worker: more, fewer and new workers, and an end in order."""
import contextlib
import fcntl
import os
import signal
import socket
import time

import pytest
from accounting import account
from processes import opened
from running import SECRET, Receiver, read_answer, wait_until
from sending import Ledger, Load, post

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
        one.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(one.workers()) == 2 and not {*first} & {*one.workers()}, seconds=40, what="new workers")
    assert one.request("GET", "/healthz").status == 200
    assert ledger.numbers(500, 503) == [] and "Traceback" not in one.text()


@pytest.mark.parametrize("arguments", ["--max-requests 50", "--preload"])
def test_workers_that_are_replaced_after_some_requests_and_those_of_an_application_loaded_before(arguments, start):
    one, ledger = start(variables={"GUNICORN_CMD_ARGS": arguments}), Ledger()
    first = wait_until(lambda: len(found := one.workers()) == 2 and found, what="both workers")
    with Load(one, ledger, senders=4, count=400) as load:
        load.join()
    assert account(ledger, one.folder).wrong == (0, 0, 0, 0)
    assert len(ledger.numbers(200)) == 400 and "Traceback" not in one.text()
    if "max" in arguments:
        wait_until(lambda: len(one.workers()) == 2 and not {*first} & {*one.workers()}, what="new workers")
    else:
        assert one.workers() == first


def test_a_worker_whose_heart_stands_still_is_replaced_and_no_other(start):
    one = start(variables={"GUNICORN_CMD_ARGS": "--timeout 12"})
    still, other = wait_until(lambda: len(found := one.workers()) == 2 and found, what="both workers")
    os.kill(still, signal.SIGSTOP)
    wait_until(lambda: still not in one.workers() and len(one.workers()) == 2, 60, "another worker")
    assert other in one.workers()
    assert one.post([]).status == 200


CONFIG = """
from presence_receiver.server.config import *
handler = {"class": "logging.FileHandler", "formatter": "json", "filename": %r}
loggers = {"gunicorn.access": {"handlers": ["file"], "propagate": False}}
logconfig_dict = CONFIG | {"handlers": CONFIG["handlers"] | {"file": handler}, "loggers": loggers}
"""


def test_log_files_are_opened_anew(tmp_path):
    """One worker, which has answered: one that starts does not listen yet."""
    log, config = tmp_path / "access", tmp_path / "config.py"
    config.write_text(CONFIG % str(log))
    one = Receiver(tmp_path / "data", tmp_path / "log", workers=1)
    one.command[one.command.index("--config") + 1] = str(config)
    with one:
        (worker,) = one.workers()
        assert has_open(worker, log)
        log.rename(tmp_path / "old")
        one.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: has_open(worker, log) and not has_open(worker, tmp_path / "old"), what="the new file")
        assert one.request("GET", "/healthz").status == 200
        wait_until(lambda: "/healthz" in log.read_text(), what="the line")
        assert "/healthz" not in (tmp_path / "old").read_text()


def has_open(process, path):
    return str(path) in opened(process)


@contextlib.contextmanager
def connections(one, beginnings):
    """A connection for each name, which has sent so much."""
    with contextlib.ExitStack() as stack:
        made = {}
        for name, sent in beginnings.items():
            made[name] = stack.enter_context(socket.create_connection(("127.0.0.1", one.port), 30))
            made[name].sendall(sent)
        yield made


def ask_without_reading(connection):
    """Until nothing more is taken."""
    connection.settimeout(1)
    with contextlib.suppress(TimeoutError):
        while True:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 100)


def is_ended(connection):
    """Whether the other side has ended it, without a word."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


BEGINNINGS = {
    "silent": b"", "head": HEAD[:20], "head that stays": HEAD[:20], "no body": HEAD, "body": HEAD + b"[",
    "body that stays": HEAD + b"[", "known": HEAD + b"[]", "known and silent": HEAD + b"[]", "unread": b"",
    "known, then slow": HEAD + b"[]",
    "refused": HEAD.replace(SECRET.encode(), b"x"),
}
ENDINGS = {"known": HEAD + b"[]", "head": HEAD[20:] + b"[]", "no body": b"[]", "body": b"]"}


def test_whatever_a_connection_is_at_it_comes_to_an_end(start):
    one, ledger = start(workers=1), Ledger()
    assert post(one, ledger, 1) == 200
    _, body = ledger.next(1)
    stored = HEAD.replace(b": 2\r", b": %d\r" % len(body)) + body
    with connections(one, BEGINNINGS | {"stored": b""}) as at, (one.folder / ".presence.lock").open() as lock:
        for name in "known", "known, then slow", "known and silent":
            assert read_answer(at[name]).headers["Connection"] == "keep-alive"
        assert read_answer(at["refused"]).status == 401
        ask_without_reading(at["unread"])
        fcntl.flock(lock, fcntl.LOCK_SH)
        at["stored"].sendall(stored)
        wait_until(lambda: one.request("GET", "/healthz").status == 200)
        one.process.terminate()
        began = time.monotonic()
        assert is_ended(at["silent"]) and time.monotonic() - began < 3
        at["known, then slow"].sendall(HEAD + b"[")
        for name, rest in ENDINGS.items():
            at[name].sendall(rest)
            answer = read_answer(at[name])
            assert (name, answer.status, answer.headers["Connection"]) == (name, 200, "close")
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert read_answer(at["stored"]).json == {"accepted": 1, "rejected": 0}
        for name, least, most in ("refused", 0, 5), ("known and silent", 8, 13), ("head that stays", 5, 13):
            assert is_ended(at[name]) and least < time.monotonic() - began < most, name
        assert [read_answer(at[name]).status for name in ("body that stays", "known, then slow")] == [400, 400]
        assert one.process.wait(25) == 0 and time.monotonic() - began < 22
    assert "Traceback" not in one.text() and "SIGKILL" not in one.text()
