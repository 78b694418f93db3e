"""What a delivery holds: the body's bytes in, its reports out. Framing, gzip, JSON and the body shapes.

Knows nothing of what a good observation is, and no Flask: it reads any stream that a WSGI server gives.
"""
from __future__ import annotations

import gzip
import io
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec
from gunicorn.http.errors import ParseException

from presence_receiver.errors import BadDelivery, BodyTooLarge, UnsupportedEncoding
from presence_receiver.schemas import LARGEST, SMALLEST

PIECE = 64 * 1024
"""Bytes to ask for where the length is not known; else all at once: gunicorn copies what it holds at each read."""

Fields = dict[str, Any]
"""A JSON object; values that nobody has needed yet are msgspec.Raw: see `loaded`."""

_parts = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]])


class Stream(Protocol):
    """What PEP 3333 calls wsgi.input."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


class Unstorable(str):
    """The text of a number that neither a double nor 64 bits hold; no encoder of ours accepts it."""


def read(environ: Mapping[str, Any], limit: int) -> bytes:
    """The whole body, inflated; at most `limit` bytes raw and inflated, else BodyTooLarge with the size.

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
    """The stream's bytes up to `most`; BadDelivery, with all that came, where the sender broke the framing."""
    came: list[bytes] = []
    try:
        while most and (piece := stream.read(min(size, most))):
            came.append(piece)
            most -= len(piece)
    except (ParseException, OSError):
        came.append(_left_over(stream, most))
        raise BadDelivery("The body is wrongly framed or broke off.", b"".join(came)) from None
    yield from came


def _left_over(stream: Stream, most: int) -> bytes:
    """What gunicorn had buffered when reading failed: a second read hands it over."""
    try:
        return stream.read(most)
    except (ParseException, OSError):
        return b""


def inflated(body: bytes, limit: int) -> bytes:
    """The gzipped body's content, at most `limit` bytes."""
    try:
        content = gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit + 1)
    except (OSError, EOFError, zlib.error):
        raise BadDelivery("The body is not whole gzip, though Content-Encoding says so.", body) from None
    if len(content) > limit:
        raise _too_large(len(content), limit)
    return content


def reports(body: bytes) -> list[Any]:
    """The reports in a body of any shape; what stands in a report's place without being one is there too.

    A report's values may be msgspec.Raw. BadDelivery where the body is not JSON.
    """
    try:
        return _reports(_parts.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _reports(slowly_loaded(body))


def _reports(top: Any) -> list[Any]:
    if isinstance(top, dict) and "data" in top and "observations" not in top:
        siblings = {name: value for name, value in top.items() if name != "data"}
        return [_merged(siblings, part) for part in _as_list(_parts_in(top["data"]))]
    return _as_list(top)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _parts_in(data: Any) -> Any:
    if not isinstance(data, msgspec.Raw):
        return data
    try:
        return _parts.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return loaded(data)


def _merged(siblings: Fields, part: Any) -> Any:
    """A report with the fields that stood beside `data`, as far as their names are free."""
    return siblings | part if isinstance(part, dict) else part


def loaded(value: Any) -> Any:
    """The value itself, of what may be msgspec.Raw. BadDelivery where it is not JSON."""
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return slowly_loaded(bytes(value))


def slowly_loaded(body: bytes) -> Any:
    """What the fast decoder refuses but JSON allows: lone surrogates, and numbers beyond what we store.

    Such a number comes as Unstorable. BadDelivery where the body is not JSON, or nested too deep to be handled.
    """
    try:
        return _slow.decode(body.decode())
    except ValueError as error:
        raise BadDelivery(f"The body is not JSON: {_reason(error)}.", body) from None
    except RecursionError:
        raise BadDelivery("The body is not JSON that we can read: it is nested too deep.", body) from None


def fault(body: bytes) -> str:
    """Why the body is not JSON, in a sentence."""
    try:
        slowly_loaded(body)
    except BadDelivery as error:
        return str(error)
    return "The body is not JSON."


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at byte {len(error.doc[:error.pos].encode())}"
    if isinstance(error, UnicodeDecodeError):
        return f"invalid UTF-8 at byte {error.start}"
    return str(error)


def _constant(token: str) -> None:
    raise ValueError(f"{token} is no JSON value")


def _integer(token: str) -> int | Unstorable:
    """An integer, unless it has more digits than 64 bits hold."""
    value = int(token) if len(token) <= len(str(SMALLEST)) else LARGEST + 1
    return value if SMALLEST <= value <= LARGEST else Unstorable(token)


def _double(token: str) -> float | Unstorable:
    value = float(token)
    return value if math.isfinite(value) else Unstorable(token)


_slow = json.JSONDecoder(parse_int=_integer, parse_float=_double, parse_constant=_constant)
