"""Senders that never come to an end."""
import errno
import socket
import threading
from contextlib import ExitStack, contextmanager

from running import SECRET

HEAD = f"POST /presence HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {SECRET}\r\n".encode()
BEGUN = [b"", HEAD[:30], HEAD + b"Content-Length: 1000\r\n\r\n[{"]
"""How far slow senders come: nowhere, into their headers, into their bodies."""


@contextmanager
def slow_senders(receiver, count):
    """Connections that are idle or have begun a request; each that has begun sends a byte a second."""
    with ExitStack() as stack:
        address = ("127.0.0.1", receiver.port)
        connections = [stack.enter_context(socket.create_connection(address)) for _ in range(count)]
        for index, connection in enumerate(connections):
            connection.sendall(BEGUN[index % 3])
        is_over = threading.Event()
        dripping = threading.Thread(target=drip, args=(connections, is_over))
        dripping.start()
        stack.callback(dripping.join, 10)
        stack.callback(is_over.set)
        yield connections


def drip(connections, is_over):
    while not is_over.wait(1):
        for index, connection in enumerate(connections):
            if index % 3:
                try:
                    connection.send(b"x")
                except OSError as failure:
                    assert failure.errno in (errno.EPIPE, errno.ECONNRESET)
