"""Devices in stored lines: in every notation of their addresses, and as every key's pseudonyms. Knows no files."""
from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from presence_receiver.errors import Refused
from presence_receiver.extras.privacy import addresses, keyed
from presence_receiver.extras.privacy.pseudonyms import DIGEST

NO_ADDRESS = "That is no device: give its address, 12 hex digits with or without colons, or what stands in clientMac."

_BETWEEN = rb"(?:[:\-._ ]|%3[Aa]|%2[Dd])?"
_HEX = b"[0-9A-Fa-f]"
_ACCESS_POINT = rb'(?P<ap>\\*"apMac\\*"\s*:\s*\\*"[^"\\]*)'
_ESCAPE = re.compile(rb"\\+u00(3[0-9Aa]|[46][1-6]|5[Ff]|2[05DEde])")
"""A digit, or what may stand between two, as a sender may have escaped it, in JSON or in JSON in a string."""


class Devices:
    """The devices with these addresses, or with pseudonyms or digests where those are given."""

    def __init__(self, given: Sequence[str], keys: Sequence[str]) -> None:
        pseudonyms = [keyed.pseudonyms(key) for key in keys]
        self._digits = {digits for text in given if (digits := addresses.digits(text))}
        self._hashes = {text.lower() for text in given if DIGEST.fullmatch(text) and not addresses.digits(text)}
        if not all(addresses.digits(text) or DIGEST.fullmatch(text) for text in given):
            raise Refused(NO_ADDRESS)
        self._hashes |= {pseudonym(digits) for pseudonym in pseudonyms for digits in self._digits}
        forms = itertools.chain.from_iterable(map(_forms, sorted(self._digits)))
        texts = [*forms, *(b"(?i:%s)" % found.encode() for found in sorted(self._hashes))]
        named = rb"(?<!%s)(?:%s)(?!%s)" % (_HEX, b"|".join(texts), _HEX)
        self._anywhere = re.compile(named)
        self._named = re.compile(rb"%s|(?P<device>%s)" % (_ACCESS_POINT, named))

    def are_in(self, line: bytes) -> bool:
        """Return whether a line names one of the devices, be it in a body that could not be read."""
        return self._are_named(_plain(line)) or b'"bodyBase64":' in line and self._are_named(_body(line))

    def _are_named(self, text: bytes) -> bool:
        """Whether one is there; an access point's own address, where that stands, is no device's."""
        return bool(self._anywhere.search(text)) and any(found["device"] for found in self._named.finditer(text))

    def without(self, line: bytes) -> bytes:
        """Return what is left of a line that names one: nothing of a line of its own, else all but the address."""
        if self._is_own(line):
            return b""
        if b'"bodyBase64":' in line and self._are_named(body := _body(line)):
            fields = json.loads(line) | {"bodyBase64": base64.b64encode(self._overwritten(body)).decode()}
            line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        return self._overwritten(_plain(line))

    def _overwritten(self, text: bytes) -> bytes:
        return self._named.sub(lambda found: re.sub(_HEX, b"*", found[0]) if found["device"] else found[0], text)

    def _is_own(self, line: bytes) -> bool:
        """Whether the line is of nothing but an observation of the device."""
        try:
            fields: Any = json.loads(line)
        except (ValueError, RecursionError):
            return False
        fields = fields if isinstance(fields, dict) else {}
        seen = fields if "clientMac" in fields else fields.get("observation")
        sent = str(seen.get("clientMac")) if isinstance(seen, dict) else ""
        return addresses.digits(sent) in self._digits or sent.lower() in self._hashes


def _forms(digits: str) -> Iterator[bytes]:
    """Patterns of all notations of an address."""
    turned = f"{int(digits[:2], 16) ^ 2:02x}{digits[2:6]}fffe{digits[6:]}"
    yield _BETWEEN.join(map(_digit, digits))
    yield _BETWEEN.join(map(_digit, f"{digits[:6]}fffe{digits[6:]}"))
    yield b"[:.-]".join(_short(turned[start:start + 4]) for start in range(0, 16, 4))
    yield b":".join(_short(digits[start:start + 2]) for start in range(0, 12, 2))


def _digit(char: str) -> bytes:
    return f"[{char}{char.upper()}]".encode() if char.isalpha() else char.encode()


def _short(digits: str) -> bytes:
    """The pattern of a group, of whose zeros in front not all need be there."""
    zeros = len(digits) - len(digits[:-1].lstrip("0") + digits[-1])
    return b"0{0,%d}" % zeros + b"".join(map(_digit, digits[zeros:]))


def _plain(line: bytes) -> bytes:
    """The line with what its sender had escaped without need as it is."""
    return _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), line) if b"\\u00" in line else line


def _body(line: bytes) -> bytes:
    """The body that a rejected line keeps as base64; nothing where there is none."""
    try:
        fields = json.loads(line)
        return binascii.a2b_base64(fields["bodyBase64"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""
