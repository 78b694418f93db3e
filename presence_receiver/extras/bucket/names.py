"""What objects are called. Knows no bucket.

An object's name never comes twice, so that a PUT may be repeated and whoever collects knows again what came before.
"""
from __future__ import annotations

import datetime
import re
from typing import NamedTuple

INBOX, ASIDE = "inbox/", "aside/"
CLAIM = "collector.json"
CHECK = "check"
"""An empty object that is written over and over, to see whether a delivery would be stored."""

START = b'{"receivedAt":'
PATTERN = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-([0-9a-f]{32})-(0|[1-9]\d{0,17})-(0|[1-9]\d{0,17})\.jsonl", re.ASCII)


class Name(NamedTuple):
    """One commit of a receiver: its UTC time, the process, the commit's number in it, the bytes of accepted lines."""

    stamp: str
    process: str
    number: int
    accepted: int

    def __str__(self) -> str:
        return f"{self.stamp}-{self.process}-{self.number}-{self.accepted}.jsonl"

    @property
    def path(self) -> str:
        """Where the object waits to be collected."""
        return f"{INBOX}{self}"

    @classmethod
    def now(cls, process: str, number: int, accepted: int) -> Name:
        """Return the name of a commit that begins now."""
        return cls(datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ"), process, number, accepted)

    @classmethod
    def read(cls, path: str) -> Name | None:
        """Return the name of an object that waits; None where a stranger's object has another."""
        found = PATTERN.fullmatch(path.removeprefix(INBOX))
        return cls(found[1], found[2], int(found[3]), int(found[4])) if found else None


def split(content: bytes, accepted: int) -> tuple[bytes, bytes] | None:
    """Return the object's accepted lines and its rejected ones; None where it cannot be what a receiver wrote."""
    parts = content[:accepted], content[accepted:]
    return parts if content and len(content) >= accepted and all(map(_is_lines, parts)) else None


def _is_lines(part: bytes) -> bool:
    """Return whether each line begins and ends as a receiver's does; no JSON has a raw newline or zero byte in it."""
    count = part.count(b"\n")
    return not part or (part.startswith(START) and part.endswith(b"}\n") and part.count(b"}\n" + START) == count - 1
                        and b"\0" not in part)
