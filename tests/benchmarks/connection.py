"""One keep-alive connection with at most one delivery under way; never blocks once connected."""

import re
import socket

LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
CLOSE = re.compile(rb"^connection:\s*close", re.IGNORECASE | re.MULTILINE)
ACCEPTED = re.compile(rb'"accepted":\s*(\d+)')


class Connection:
    __slots__ = ("port", "poll", "socket", "rest", "answer", "due")

    def __init__(self, port: int, poll) -> None:
        self.port, self.poll, self.socket = port, poll, None

    def start(self, request: bytes, due: float) -> None:
        """Begin to send; `due` is the time from which the answer's latency counts."""
        if self.socket is None:
            self.connect()
        self.rest, self.answer, self.due = memoryview(request), b"", due
        self.push()

    def connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.poll(self)

    def push(self) -> None:
        """Send until all is sent or the kernel takes no more."""
        try:
            while self.rest:
                self.rest = self.rest[self.socket.send(self.rest):]
        except BlockingIOError:
            pass

    def advance(self) -> bool:
        """Do what can be done; true once the whole answer is here. Raises OSError if it never will be."""
        self.push()
        try:
            while not self.is_answered():
                self.answer += self.received()
        except BlockingIOError:
            return False
        return True

    def received(self) -> bytes:
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionResetError("closed before the answer")
        return chunk

    def is_answered(self) -> bool:
        head, gap, body = self.answer.partition(b"\r\n\r\n")
        return bool(gap) and len(body) >= int(LENGTH.search(head)[1])

    def finish(self) -> tuple[bool, int]:
        """Whether the status was 200, and how many observations the answer counts as accepted."""
        head, _, body = self.answer.partition(b"\r\n\r\n")
        accepted = ACCEPTED.search(body)
        if self.rest or CLOSE.search(head):
            self.close()
        return head[9:12] == b"200", int(accepted[1]) if accepted else 0

    def notice_end(self) -> None:
        """While idle: close this side once the server has closed its own."""
        try:
            if self.socket is not None and not self.socket.recv(1):
                self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
