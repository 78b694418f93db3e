"""The body of a request: framing, gzip and limits; bytes out. Knows nothing of JSON, and no Flask.

It reads any stream that a WSGI server gives.
"""
from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from gunicorn.http.errors import ParseException

from presence_receiver.errors import BadDelivery, BodyTooLarge, UnsupportedEncoding

GZIP_PIECE = 1024 * 1024
"""Bytes of content; a read makes room for all that it may give, and the limit may be beyond all memory."""

PIECE = 64 * 1024
"""Bytes to ask for where the length is not known; else all at once: gunicorn copies what it holds at each read."""


class Stream(Protocol):
    """What PEP 3333 calls wsgi.input."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""


def read(environ: Mapping[str, Any], limit: int) -> bytes:
    """Return the whole body, inflated; at most `limit` bytes raw and inflated, else BodyTooLarge with the size.

    BadDelivery, with what came, where the body broke off or was wrongly framed.
    """
    inflate = _encoding(environ)
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = _read_sized(environ["wsgi.input"], int(length), limit)
    else:
        body = _read_open(environ["wsgi.input"], limit) if environ.get("wsgi.input_terminated") else b""
    return inflated(body, limit) if inflate else body


def _encoding(environ: Mapping[str, Any]) -> bool:
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise UnsupportedEncoding("Content-Encoding must be gzip or identity.")
    return bool(encoding == "gzip")


def _read_sized(stream: Stream, length: int, limit: int) -> bytes:
    if length > limit:
        raise _too_large(length, limit)
    body = b"".join(_pieces(stream, length, length))
    if len(body) < length:
        raise BadDelivery(f"The body broke off after {len(body)} of {length} bytes.", body)
    return body


def _read_open(stream: Stream, limit: int) -> bytes:
    body = b"".join(_pieces(stream, limit + 1, PIECE))
    if len(body) > limit:
        raise _too_large(len(body), limit)
    return body


def _too_large(size: int, limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body has {size} bytes or more; PRESENCE_MAX_BODY_BYTES allows {limit}.")


def _pieces(stream: Stream, most: int, size: int) -> Iterator[bytes]:
    """Yield the stream's bytes up to `most`; BadDelivery, with all that came, where the sender broke the framing.

    It is read where nothing is to come, too: our server learns from it that its sender has shown the secret.
    """
    came, is_over = [], False
    try:
        while not is_over:
            piece = stream.read(min(size, most))
            came.append(piece)
            most -= len(piece)
            is_over = not piece or not most
    except (ParseException, OSError):
        came.append(_left_over(stream, most))
        raise BadDelivery("The body is wrongly framed or broke off.", b"".join(came)) from None
    yield from came


def _left_over(stream: Stream, most: int) -> bytes:
    """Return what the server had buffered when reading failed: a second read hands it over."""
    try:
        return stream.read(most)
    except (ParseException, OSError):
        return b""


def inflated(body: bytes, limit: int) -> bytes:
    """Return the gzipped body's content, at most `limit` bytes."""
    packed = gzip.GzipFile(fileobj=io.BytesIO(body))
    pieces, size = [], 0
    try:
        while size <= limit and (piece := packed.read(min(GZIP_PIECE, limit + 1 - size))):
            pieces.append(piece)
            size += len(piece)
    except (OSError, EOFError, zlib.error):
        raise BadDelivery("The body is not whole gzip, though Content-Encoding says so.", body) from None
    if size > limit:
        raise _too_large(size, limit)
    return b"".join(pieces)
