"""What in an open file is not whole lines: holes, and the torn tail that a crash left. Reads, and changes nothing."""
from __future__ import annotations

import os

PIECE = 1 << 20

LONGEST_TORN = 1 << 20
"""Bytes that become one rejected line at once; what is longer, housekeeping takes apart."""


def first_hole(descriptor: int, start: int, end: int) -> int | None:
    """Return where the first zero byte stands: a power cut leaves them for what was not synced, JSON has none."""
    for offset in range(start, end, PIECE):
        found = os.pread(descriptor, PIECE, offset).find(b"\0")
        if found >= 0:
            return offset + found
    return None


def line_start(descriptor: int, end: int, most: int = PIECE) -> int | None:
    """Return where the line begins that goes on at `end`; None where that is more than `most` bytes before it."""
    start = max(0, end - most - 1)
    found = os.pread(descriptor, end - start, start).rfind(b"\n")
    return None if found < 0 and start else start + found + 1


def torn_tail(descriptor: int, size: int, hole: int | None) -> bytes | None:
    """Return all from the start of the first line that is not whole; None where that is no tail, or a long one."""
    end = size if hole is None else hole
    if hole is None and (end == 0 or os.pread(descriptor, 1, end - 1) == b"\n"):
        return b""
    start = line_start(descriptor, end, LONGEST_TORN)
    if start is None:
        return None
    torn = os.pread(descriptor, LONGEST_TORN + 1, start)
    return None if len(torn) > LONGEST_TORN or b"\n" in torn else torn
