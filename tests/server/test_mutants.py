"""Thousands of odd requests through a running worker: what it serves whole and in pieces, and what h11 makes of them."""
import random
import socket
from contextlib import ExitStack

import pytest
from echoing import echo
from odd_requests import as_served, by_h11, has_empty_line, mutants

AT_ONCE = 100


@pytest.fixture
def one(tmp_path):
    with echo(tmp_path) as one:
        yield one


def exchange(port, cut):
    """Send the pieces of each, all first ones first; all that is answered to each."""
    with ExitStack() as stack:
        connections = []
        for _ in cut:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.append(connection)
        for number in range(max(map(len, cut))):
            for connection, pieces in zip(connections, cut, strict=True):
                if number < len(pieces):
                    send(connection, pieces[number])
        for connection in connections:
            send(connection, None)
        return [answers(connection) for connection in connections]


def send(connection, piece):
    """The piece, or the end; whoever is refused already may not take it."""
    try:
        if piece is None:
            connection.shutdown(socket.SHUT_WR)
        else:
            connection.sendall(piece)
    except (ConnectionError, OSError):
        pass
