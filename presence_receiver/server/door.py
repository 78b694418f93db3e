"""The door itself: lets connections in one by one, as many as there are descriptors for."""
from __future__ import annotations

import resource
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gevent import get_hub, monkey

KEPT_DESCRIPTORS = 200
"""Of those that the process may open, for its files, its threads' and the listening sockets."""

SEND_BYTES = 64 * 1024
"""What the kernel holds of answers that a sender does not take, else up to 4 MiB for each; ours are small."""


class Door:
    """Accepts on gunicorn's listening sockets, one connection a turn of the loop, and gives each to `enter`.

    It is full where `make_room` says so; then nobody gets in until `someone_left`.
    """

    def __init__(self, listeners: Sequence[Any], make_room: Callable[[], bool],
                 enter: Callable[[socket.socket, object], object]) -> None:
        self._make_room, self._enter = make_room, enter
        self._is_paused = False
        self._listening = []
        for listener in listeners:
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)  # what is accepted has it too
            watcher = get_hub().loop.io(listener.fileno(), 1)
            watcher.start(self._accept, listener)
            self._listening.append((watcher, listener))

    def _accept(self, listener: Any) -> bool:
        """Let one connection in, for which another may have to go; whether there was one."""
        if not self._make_room():
            self._pause()
            return False
        try:
            accepted, address = listener.accept()
        except BlockingIOError:
            return False
        except OSError:  # of a sender who is gone already, or for want of a descriptor
            self._pause()
            return False
        connected = monkey.get_original("socket", "socket")(fileno=accepted.detach())
        connected.setblocking(False)
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._enter(connected, address)
        return True

    def _pause(self) -> None:
        """Let nobody in until somebody has gone, or a second is over."""
        self._is_paused = True
        for watcher, _ in self._listening:
            watcher.stop()

    def someone_left(self) -> None:
        """Look whether there is room again."""
        if self._is_paused:
            self._is_paused = False
            for watcher, listener in self._listening:
                watcher.start(self._accept, listener)

    def close(self) -> None:
        """Let in who has connected already, then nobody."""
        listening, self._listening = self._listening, []
        for watcher, listener in listening:
            while self._accept(listener):
                pass
            watcher.stop()
            listener.close()


def descriptors() -> int:
    """Return how many connections there are descriptors for; the process is allowed the most that it may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most - min(KEPT_DESCRIPTORS, most // 2) if most != resource.RLIM_INFINITY else sys.maxsize
