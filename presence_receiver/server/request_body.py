"""The body of a request as PEP 3333's wsgi.input; it is read from its connection when the application asks."""
from __future__ import annotations

import io
import sys
from typing import Protocol


class Source(Protocol):
    """A connection, as far as its body goes."""

    def read_body(self, size: int) -> bytes:
        """Wait for so many bytes or the body's end; OSError where its framing is broken or it breaks off."""


class RequestBody(io.RawIOBase):
    """Reads whole: less than asked for comes only at the end, or before what is broken."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def readable(self) -> bool:
        """Return True, as of any file."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return at most so many bytes; all without a size."""
        return self._source.read_body(sys.maxsize if size is None or size < 0 else size)
