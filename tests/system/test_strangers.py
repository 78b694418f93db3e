"""Who does not have the secret holds nobody up, whatever their connections do; ten deliveries a second go on."""
import contextlib
import resource
import select
import socket
import threading
import time

import pytest
from accounting import account
from processes import opened
from running import SECRET, read_answer, wait_until
from sending import Ledger, post

pytestmark = pytest.mark.slow
DELIVERIES, PAUSE = 100, 0.1
IDLE_ONES = 500
"""Connections of each of ten strangers."""

POST = b"POST /presence HTTP/1.1\r\nHost: x\r\n"
REFUSED = POST + b"Content-Length: 1000000000\r\n\r\n"
COSTLY = b"\r\n" * 8_000, POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"4\r\n\r\n\r\n\r\n" * 7_000
PIPELINED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 500


def pipeline(port, is_over):
    """Ask without end, and read what comes."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(PIPELINED)
        while not is_over.is_set():
            connection.sendall(PIPELINED)
            read = 0
            while read < 500 * 150:
                read += len(connection.recv(1 << 20))


def endless_body(port, is_over):
    """Send a body that nobody asked for, over and over."""
    while not is_over.is_set():
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(REFUSED)
            while not is_over.is_set():
                connection.sendall(b"x" * 65_536)


def slow_head(port, is_over):
    """Drip a head, and begin again when cut off."""
    while not is_over.is_set():
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"POST /presence HTTP/1.1\r\nX: ")
            while not is_over.wait(0.2):
                connection.sendall(b"x")


def slow_body(port, is_over):
    """Drip a body after a head without the secret."""
    while not is_over.is_set():
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(REFUSED)
            while not is_over.wait(0.2):
                connection.sendall(b"x")


def slow_reader(port, is_over):
    """Ask without end, read a byte now and then, and begin again when cut off."""
    while not is_over.is_set():
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(0.2)
            while not is_over.is_set():
                with contextlib.suppress(TimeoutError):
                    connection.send(PIPELINED)
                    connection.recv(1)


def idle(port, is_over):
    """Keep many connections without a byte; each that is cut off is replaced."""
    found = select.poll()
    connections = {}
    while not is_over.wait(0.1):
        for number, _ in found.poll(0):
            found.unregister(number)
            connections.pop(number).close()
        while len(connections) < IDLE_ONES:
            connection = socket.create_connection(("127.0.0.1", port))
            connections[connection.fileno()] = connection
            found.register(connection, select.POLLIN)
    for connection in connections.values():
        connection.close()


def costly(port, is_over):
    """Send what the parser was slow with, again and again: empty lines; chunks that look like ends."""
    while not is_over.is_set():
        for data in COSTLY:
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(data)
                connection.recv(1000)


@contextlib.contextmanager
def strangers(kind, count, port):
    is_over = threading.Event()
    threads = [threading.Thread(target=kind, args=(port, is_over)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join(20)


def deliver(one):
    """A hundred deliveries in ten seconds; how long each took, in order of length."""
    ledger, took = Ledger(), []
    for _ in range(DELIVERIES):
        began = time.monotonic()
        assert post(one, ledger, 3) == 200
        took.append(time.monotonic() - began)
        threading.Event().wait(max(0, PAUSE - took[-1]))
    found = account(ledger, one.folder)
    assert found.wrong == (0, 0, 0, 0) and found.lines == 3 * DELIVERIES
    return sorted(took)


@pytest.fixture
def many_descriptors():
    """For the connections of this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 5_200:
        pytest.skip(f"This process may open {before[1]} descriptors.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("kind, count", [
    (pipeline, 8), (endless_body, 8), (idle, 5_000 // IDLE_ONES), (slow_head, 100), (slow_body, 100), (slow_reader, 8),
    (costly, 40),
])
def test_strangers_hold_no_delivery_up(kind, count, start, many_descriptors):
    one = start()
    workers = one.workers()
    most = count * IDLE_ONES if kind is idle else 0
    with strangers(kind, count, one.port):
        wait_until(lambda: connections_of(one) >= most, what="the strangers")
        assert one.request("GET", "/healthz").status == 200
        assert deliver(one)[-2] < 0.3
        assert connections_of(one) >= 0.9 * most
    assert one.workers() == workers
    assert "Traceback" not in one.text()


def connections_of(one):
    """How many sockets its workers have open."""
    return sum(target.startswith("socket:") for worker in one.workers() for target in opened(worker))


def test_where_descriptors_run_short_the_longest_idle_stranger_goes(start):
    one = start(workers=1, before=("prlimit", "--nofile=100:100"))
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", one.port))) for _ in range(80)]
        idle[0].settimeout(5)  # sooner than who is merely silent is cut off
        assert idle[0].recv(1) == b""
        assert deliver(one)[-2] < 0.3
    assert "Traceback" not in one.text()


def test_a_refusal_is_read_though_its_body_never_was(start):
    one = start()
    with socket.create_connection(("127.0.0.1", one.port), 10) as connection:
        connection.sendall(REFUSED)
        wait_until(lambda: "POST /presence 401" in one.text(), what="the refusal")
        for _ in range(50):  # a connection that is closed at once breaks at the second
            connection.sendall(b"x" * 1000)
        answer = read_answer(connection)
        assert (answer.status, answer.headers["Connection"]) == (401, "close")
        connection.sendall(b"x" * 20_000)
        with pytest.raises(ConnectionError):
            while True:
                connection.sendall(b"x" * 20_000)


def test_nobody_is_asked_to_continue_without_the_secret(start):
    one = start()
    with socket.create_connection(("127.0.0.1", one.port), 10) as connection:
        connection.sendall(REFUSED[:-2] + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_who_shows_the_secret_is_asked_to_continue(start):
    one = start()
    head = f"Authorization: Basic {SECRET}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", one.port), 10) as connection:
        connection.sendall(b"POST /presence HTTP/1.1\r\nHost: x\r\n" + head.encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"[]")
        assert read_answer(connection).status == 200
