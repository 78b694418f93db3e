"""Bytes of a connection in, one request after the other out, by llhttp. Knows no socket and no application.

Never more than one request is parsed ahead: pieces end where a request may end, so that what a sender
pipelines stays plain bytes until its turn comes.
"""
from __future__ import annotations

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from presence_receiver.server import http_rules
from presence_receiver.server.http_rules import HEAD_BYTES, Environ, Refused

END = b"\r\n\r\n"
"""Ends every head and every chunked body."""


class RequestReader:
    """The request that is being read; `base` is what the environs of all requests share."""

    __slots__ = (
        "_base", "_parser", "_target", "_start", "_tail", "_head_size", "_field_count", "_unframed", "_is_upgrade",
        "environ", "has_head", "wants_continue", "is_complete", "is_broken", "keep_alive", "refusal", "pieces", "size",
        "length",
    )

    environ: Environ

    def __init__(self, base: Environ) -> None:
        self._base = base
        self._parser = HttpRequestParser(self)
        self._tail = b""
        self.expect_next()

    def expect_next(self) -> None:
        """Forget the request that was read; its bytes have all been fed."""
        self.has_head = self.is_complete = self.is_broken = self.keep_alive = False
        self.wants_continue = self._is_upgrade = False
        self.refusal: Refused | None = None
        self.pieces: list[bytes] = []
        self.size = self.length = 0  # of the body's bytes in `pieces`, and of those announced that are to come
        self._head_size = self._field_count = self._unframed = 0
        self._target = self._start = b""

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to the head or, once that is there, to the body; return the bytes behind it."""
        start, had_head = 0, self.has_head
        while start < len(data) and had_head == self.has_head and not (
                self.is_complete or self.is_broken or self.refusal):
            stop = self._stop(data, start)
            self._feed_piece(data[start:stop])
            start = stop
        return data[start:]

    @property
    def has_begun(self) -> bool:
        """Whether more has come than empty lines."""
        return bool(self._start.strip(b"\r\n"))

    def take(self, size: int) -> bytes:
        """Return at most so many bytes of the body, of those that are there."""
        body = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        taken, rest = body[:size], body[size:]
        self.pieces, self.size = [rest] if rest else [], len(rest)
        return taken

    def release(self) -> None:
        """Let go of the parser, which holds this object's methods, so that both are freed at once."""
        del self._parser

    def _stop(self, data: bytes, start: int) -> int:
        """Return where the piece that begins at `start` ends: within it, no second request begins."""
        if self.has_head and self.length:
            return min(len(data), start + self.length)
        edge = (self._tail + data[start:start + 3]).find(END)
        if edge >= 0:
            return start + edge + len(END) - len(self._tail)
        end = data.find(END, start)
        return end + len(END) if end >= 0 else len(data)

    def _feed_piece(self, piece: bytes) -> None:
        self._tail = piece[-3:] if len(piece) >= 3 else (self._tail + piece)[-3:]
        try:
            if self.has_head:
                self._parse_body(piece)
            else:
                self._note_head(piece)
                self._parse(piece)
        except Refused as refusal:
            self.refusal = refusal

    def _note_head(self, piece: bytes) -> None:
        """Count a head's bytes as they come, and keep those up to the end of the request line."""
        self._head_size += len(piece)
        if self._head_size > HEAD_BYTES:
            raise Refused(431, http_rules.TOO_LONG)
        if b"\n" not in self._start.lstrip(b"\r\n"):
            self._start += piece
            if not self.has_begun and not http_rules.EMPTY_LINES.startswith(self._start):
                raise Refused(400, http_rules.BROKEN)

    def _parse_body(self, piece: bytes) -> None:
        """Parse what follows the head, which may not be trailers and names of chunks without end."""
        before = self.size
        self._parse(piece)
        self._unframed = self._unframed + len(piece) if self.size == before else 0
        if self._unframed > HEAD_BYTES:
            self.is_broken = True

    def _parse(self, piece: bytes) -> None:
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            self._go_on_without_upgrade()
        except HttpParserCallbackError as error:
            if isinstance(error.__context__, Refused):
                raise error.__context__ from None
            raise
        except HttpParserError:
            if not self.has_head:
                raise Refused(400, http_rules.BROKEN) from None
            self.is_broken = True

    def _go_on_without_upgrade(self) -> None:
        """Let another parser, which never sees the header Upgrade, read the body and what follows.

        llhttp takes such a request to end with its head.
        """
        self._is_upgrade = False
        names = (b"Connection", "HTTP_CONNECTION"), (b"Content-Length", "CONTENT_LENGTH"), (
            b"Transfer-Encoding", "HTTP_TRANSFER_ENCODING")
        fields = [b"%s: %s\r\n" % (name, self.environ[key].encode("latin-1"))
                  for name, key in names if key in self.environ]
        line = f"POST / {self.environ['SERVER_PROTOCOL']}\r\n".encode()
        self._parser = HttpRequestParser(self)
        self._parser.feed_data(line + b"".join(fields) + b"\r\n")

    def on_message_begin(self) -> None:
        """Begin a message; called by the parser, as those below."""
        if not self.has_head:
            self.environ = self._base.copy()

    def on_url(self, target: bytes) -> None:
        """Take a part of the request's target."""
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; those after the body are left out."""
        if self.has_head:
            return
        self._field_count += 1
        if self._field_count > http_rules.FIELDS:
            raise Refused(431, http_rules.TOO_LONG)
        http_rules.add_field(self.environ, name, value)

    def on_headers_complete(self) -> None:
        """Judge the head, which is there."""
        if self.has_head:
            return
        parser = self._parser
        version = parser.get_http_version()
        http_rules.complete(self.environ, parser.get_method(), self._target, version, self._start)
        self._is_upgrade = parser.should_upgrade()
        self.length = int(self.environ.get("CONTENT_LENGTH") or 0)
        self.wants_continue = "HTTP_EXPECT" in self.environ and version == "1.1"
        self.has_head = True

    def on_body(self, piece: bytes) -> None:
        """Take a part of the body."""
        self.pieces.append(piece)
        self.size += len(piece)
        if self.length:
            self.length -= len(piece)

    def on_message_complete(self) -> None:
        """End the request, unless the parser takes its body for another protocol."""
        if not self._is_upgrade:
            self.is_complete = True
            self.keep_alive = self._parser.should_keep_alive()
