"""What an application answers, as bytes to send: always whole, with its length, in one piece. Pure."""
from __future__ import annotations

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIApplication

from presence_receiver.server.http_rules import Environ, Refused

OURS = {"connection", "date", "server", "keep-alive", "transfer-encoding", "content-length"}
"""Fields that the server sets."""


class Answer:
    """One answer of the application; gunicorn's loggers look at `status`, `headers` and `sent`."""

    __slots__ = ("status", "headers", "_pieces", "body")

    def __init__(self) -> None:
        self.status = "500 Internal Server Error"
        self.headers: list[tuple[str, str]] = []
        self._pieces: list[bytes] = []
        self.body = b""

    @property
    def sent(self) -> int:
        """The size of the body."""
        return len(self.body)

    @property
    def code(self) -> int:
        """The status as a number."""
        return int(self.status[:3])

    def ask(self, application: WSGIApplication, environ: Environ) -> None:
        """Run the application; what it raises is raised."""
        parts = application(environ, self._start)
        try:
            self._pieces.extend(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        self.body = b"".join(self._pieces)

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
        """Be PEP 3333's start_response; nothing is sent before all is there, so a second call replaces the first."""
        self.status, self.headers = status, headers
        return self._pieces.append

    def encoded(self, *, keep_alive: bool, is_head: bool) -> bytes:
        """Return the whole answer; ValueError where a header field would end before its end."""
        has_body = self.code >= 200 and self.code not in (204, 304)
        lines = [f"HTTP/1.1 {self.status}", "Server: gunicorn", f"Date: {_date(int(time.time()))}",
                 f"Connection: {'keep-alive' if keep_alive else 'close'}"]
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() not in OURS]
        if has_body:
            lines.append(f"Content-Length: {self._length(is_head)}")
        head = "\r\n".join([*lines, "", ""])
        if head.count("\n") != len(lines) + 1 or head.count("\r") != len(lines) + 1:
            raise ValueError("A header field of the answer holds a line break.")
        return head.encode("latin-1") + (self.body if has_body and not is_head else b"")

    def _length(self, is_head: bool) -> int | str:
        """Return, for a HEAD, what the application says that the body of a GET has."""
        if is_head:
            return next((value for name, value in self.headers if name.lower() == "content-length"), len(self.body))
        return len(self.body)


def refusal(refused: Refused) -> Answer:
    """Return the answer to a request that the application does not see."""
    answer = Answer()
    answer.status = f"{refused.status} {HTTPStatus(refused.status).phrase}"
    answer.headers = [("Content-Type", "application/json")]
    answer.body = json.dumps({"error": str(refused)}).encode() + b"\n"
    return answer


_dates = {0: ""}


def _date(second: int) -> str:
    """Return the header Date for a second since 1970; the last one is kept."""
    if second not in _dates:
        _dates.clear()
        _dates[second] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second))
    return _dates[second]
