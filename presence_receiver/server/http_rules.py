"""What llhttp lets pass and RFC 9112 does not, or we do not: decisions on a request's head.

Values in, an environ or a Refused out; knows no socket and no parser.
"""
from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

Environ = dict[str, Any]
"""PEP 3333's; texts are bytes decoded as Latin-1."""

HEAD_BYTES = 16 * 1024
FIELDS = 100
"""The most that a head may hold; gunicorn's own default for the fields."""

EMPTY_LINES = b"\r\n" * 8
"""So many may stand before a request; RFC 9112 (2.2) wants at least one ignored, and each costs as much as a head."""

LENGTH_DIGITS = 19

ONCE = {"HTTP_HOST", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"}
KNOWN_KEYS = 500
"""So many names of fields are remembered with their keys: a stranger may invent more."""

CLOSING_STATUSES = {401, 404, 405, 413, 415}
"""Refusals, after which a sender has to connect again; its body need not be read."""


class Refused(Exception):
    """A request that the application does not see; a status, and a sentence for its sender."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


BROKEN = "The request is not HTTP/1.1 as RFC 9112 has it."
TOO_LONG = f"The request's head has more than {HEAD_BYTES} bytes or {FIELDS} header fields."

_keys: dict[bytes, str] = {b"Content-Type": "CONTENT_TYPE", b"Content-Length": "CONTENT_LENGTH"}


def add_field(environ: Environ, name: bytes, value: bytes) -> None:
    """Put a header field into the environ, doubled ones as a list; a name with an underscore is left out.

    `Content_Length` and `Content-Length` would have the same key.
    """
    key = _keys.get(name) or _key(name)
    if not key:
        return
    text = value.decode("latin-1").strip(" \t")
    if key in environ:
        if key in ONCE:
            raise Refused(400, f"The header {name.decode('latin-1')} may be sent once.")
        text = f"{environ[key]},{text}"
    environ[key] = text


def _key(name: bytes) -> str:
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
    if len(_keys) < KNOWN_KEYS:
        _keys[name] = key
    return key


def complete(environ: Environ, method: bytes, target: bytes, version: str, start: bytes) -> None:
    """Add what the request line says to the environ, and see that the whole head is one that we serve.

    `start` is what the sender sent, at least to the end of its request line.
    """
    _check_line(b"%s %s HTTP/%s\r\n" % (method, target, version.encode()), start)
    _check_version(environ, version)
    _check_framing(environ, version)
    path, _, query = _origin_form(method, target).partition(b"?")
    environ["REQUEST_METHOD"] = method.decode("latin-1")
    environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
    environ["RAW_URI"] = target.decode("latin-1")
    environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
    environ["QUERY_STRING"] = query.decode("latin-1")


def _check_line(expected: bytes, start: bytes) -> None:
    """Refuse doubled blanks, other protocols (ICE, RTSP) and all but empty lines before the request line."""
    if not start.startswith(expected):
        line = start.lstrip(b"\r\n")
        if start[:-len(line)].replace(b"\r\n", b"") or not line.startswith(expected):
            raise Refused(400, BROKEN)


def _check_version(environ: Environ, version: str) -> None:
    if version not in ("1.1", "1.0"):
        raise Refused(505, "Only HTTP/1.1 and HTTP/1.0 are served.")
    if version == "1.1" and "HTTP_HOST" not in environ:
        raise Refused(400, "The header Host is missing.")
    if version == "1.1" and environ.get("HTTP_EXPECT", "100-continue").lower() != "100-continue":
        raise Refused(417, "The header Expect may only be 100-continue.")


def _check_framing(environ: Environ, version: str) -> None:
    if len(environ.get("CONTENT_LENGTH", "")) > LENGTH_DIGITS:
        raise Refused(400, f"The header Content-Length has more than {LENGTH_DIGITS} digits.")
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is None:
        return
    if version == "1.0" or "CONTENT_LENGTH" in environ:
        raise Refused(400, "The header Transfer-Encoding goes with HTTP/1.1 and without Content-Length.")
    if coding.lower() != "chunked":
        raise Refused(501, "The header Transfer-Encoding may only be chunked.")


def _origin_form(method: bytes, target: bytes) -> bytes:
    """Return the path and query that are asked for, of a target in any form."""
    if method == b"CONNECT" or b"#" in target:
        raise Refused(400, BROKEN)
    if target.startswith(b"/") or target == b"*":
        return target
    try:
        whole = urlsplit(target)
    except ValueError:
        raise Refused(400, BROKEN) from None
    return (whole.path or b"/") + (b"?" + whole.query if whole.query else b"")
