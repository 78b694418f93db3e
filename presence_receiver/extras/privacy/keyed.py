"""An address's pseudonym: what it is, and how fast."""
from __future__ import annotations

import hashlib
from collections.abc import Callable

LENGTH = 32
"""Hex digits of a pseudonym."""

BLOCK = 64
"""Bytes of a block of SHA-256."""


def pseudonyms(key: str) -> Callable[[str], str]:
    """Return the function that gives the first 32 hex digits of the HMAC-SHA-256 of an address's 12 (RFC 2104).

    The key's own blocks are hashed once: 0.6 µs an address, where hmac.digest takes 1.7 (tests.benchmarks.privacy).
    """
    secret = key.encode()
    block = (hashlib.sha256(secret).digest() if len(secret) > BLOCK else secret).ljust(BLOCK, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    def pseudonym(digits: str) -> str:
        first, second = inner.copy(), outer.copy()
        first.update(digits.encode())
        second.update(first.digest())
        return second.hexdigest()[:LENGTH]

    return pseudonym
