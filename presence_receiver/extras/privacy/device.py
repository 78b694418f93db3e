"""Devices in stored lines: in every notation of their addresses, and as every key's pseudonyms. Knows no files."""
from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from presence_receiver.errors import Refused
from presence_receiver.extras.privacy import addresses, keyed
from presence_receiver.extras.privacy.pseudonyms import DIGEST

NO_ADDRESS = "That is no device: give its address, 12 hex digits with or without colons, or what stands in clientMac."

_FOUND = re.compile(rf"""
    (?P<access_point> \\*"apMac\\*"\s*:\s*\\*"[^"\\]* ) | {addresses.NOTATIONS}
    | (?<!{addresses.HEX})(?!{addresses.WORD})(?P<hash> {addresses.HEX}{{13,128}} )(?!{addresses.HEX})""", re.VERBOSE)
"""An access point's own address, where that stands, is no device's; it may stand in JSON in a string."""

_ESCAPE = re.compile(rb"\\+u00(3[0-9Aa]|[46][1-6]|5[Ff]|2[05DEde])")
"""A digit, or what may stand between two, as a sender may have escaped it, in JSON or in JSON in a string."""

MARKS = (b'"randomised":', b'"pseudonym":true')
"""What stands in a line, or in a rejected one, that has pseudonyms."""

_GAPS = b":-._ %"
FEW = 60


class Devices:
    """The devices with these addresses, or with pseudonyms or digests where those are given."""

    def __init__(self, given: Sequence[str], keys: Sequence[str]) -> None:
        pseudonyms = [keyed.pseudonyms(key) for key in keys]
        self._digits = {digits for text in given if (digits := addresses.digits(text))}
        self._hashes = {text.lower() for text in given if DIGEST.fullmatch(text) and not addresses.digits(text)}
        if not all(addresses.digits(text) or DIGEST.fullmatch(text) for text in given):
            raise Refused(NO_ADDRESS)
        self._hashes |= {pseudonym(digits) for pseudonym in pseudonyms for digits in self._digits}
        self._seeds = {seed.encode() for digits in self._digits for seed in _seeds(digits)}
        self._seeds |= {found.encode() for found in self._hashes}
        self._lengths = sorted({len(seed) for seed in self._seeds})
        self._runs = re.compile(rb"[0-9a-f]{%d,}" % self._lengths[0])
        self._is_blind = bool(self._digits) and not keys
        self.may_be_missed = False
        """Whether a line had pseudonyms, while there was no key to make those of the addresses given."""

    def are_in(self, line: bytes) -> bool:
        """Return whether a line names one of the devices, be it in a body that could not be read."""
        if self._is_blind and not self.may_be_missed:
            self.may_be_missed = any(mark in line for mark in MARKS)
        return self._are_named(_plain(line)) or b'"bodyBase64":' in line and self._are_named(_body(line))

    def _are_named(self, text: bytes) -> bool:
        """Return whether one is; the digits alone are looked at first, a tenth of what all addresses take."""
        digits = text.lower().translate(None, _GAPS)
        may_be = any(seed in digits for seed in self._seeds) if len(self._seeds) < FEW else self._are_in_runs(digits)
        return may_be and any(map(self._is_device, _FOUND.finditer(_text(text))))

    def _are_in_runs(self, digits: bytes) -> bool:
        """Return whether one of very many seeds may be in it: 20 µs a line, where looking for each takes 0.4."""
        return any(
            run[start:start + length] in self._seeds for run in self._runs.findall(digits)
            for length in self._lengths for start in range(len(run) - length + 1)
        )

    def _is_device(self, found: re.Match[str]) -> bool:
        if found.lastgroup in ("access_point", "hash"):
            return found[0].lower() in self._hashes
        return addresses.digits_of(found) in self._digits

    def without(self, line: bytes) -> bytes:
        """Return what is left of a line that names one: nothing of a line of its own, else all but the address."""
        if self._is_own(line):
            return b""
        if b'"bodyBase64":' in line and self._are_named(body := _body(line)):
            fields = json.loads(line) | {"bodyBase64": base64.b64encode(self._overwritten(body)).decode()}
            line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        return self._overwritten(_plain(line))

    def _overwritten(self, text: bytes) -> bytes:
        return _FOUND.sub(
            lambda found: re.sub(addresses.HEX, "*", found[0]) if self._is_device(found) else found[0], _text(text),
        ).encode(errors="surrogateescape")

    def _is_own(self, line: bytes) -> bool:
        """Return whether the line is of nothing but an observation of the device."""
        try:
            fields: Any = json.loads(line)
        except (ValueError, RecursionError):
            return False
        fields = fields if isinstance(fields, dict) else {}
        seen = fields if "clientMac" in fields else fields.get("observation")
        sent = str(seen.get("clientMac")) if isinstance(seen, dict) else ""
        return addresses.digits(sent) in self._digits or sent.lower() in self._hashes


def _seeds(digits: str) -> Iterator[str]:
    """Yield what is left of an address's notations, of the usual ones all, when what stands between digits is gone."""
    turned = addresses.interface(digits)
    pairs = [digits[start:start + 2] for start in range(0, 12, 2)]
    yield from (digits, "3a".join(pairs), "2d".join(pairs), digits[:6] + "fffe" + digits[6:], turned)
    yield "".join(turned[start:start + 4].lstrip("0") or "0" for start in range(0, 16, 4))
    yield "".join(pair.lstrip("0") or "0" for pair in pairs)


def _text(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _plain(line: bytes) -> bytes:
    """Return the line with what its sender had escaped without need as it is."""
    return _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), line) if b"\\u00" in line else line


def _body(line: bytes) -> bytes:
    """Return the body that a rejected line keeps as base64; nothing where there is none."""
    try:
        fields = json.loads(line)
        return binascii.a2b_base64(fields["bodyBase64"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""
