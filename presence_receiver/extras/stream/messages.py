"""A delivery as messages of the stream, and the messages as a delivery again. Knows no server.

A message holds at most what the server takes, so a large delivery goes in parts, cut behind a line where one ends.
Each says which delivery it belongs to and how many parts there are: one whose parts are not all there was answered
503 and must not be seen.
"""
from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterator

from presence_receiver import lines

KINDS = ("lines", "rejected")
DELIVERY, PART, ID = "Presence-Delivery", "Presence-Part", "Nats-Msg-Id"
FOREIGN = "A message of the stream that no receiver has published."
HEADERS_SIZE = 1024
"""Bytes of a message that its headers may take."""


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One message: what kind of lines it holds, its headers and its bytes."""

    kind: str
    headers: dict[str, str]
    payload: bytes


def parts(delivery: str, accepted: bytes, rejected: bytes, most_bytes: int) -> list[Part]:
    """The delivery with that id, in messages of at most so many bytes with their headers."""
    pieces = [(kind, piece) for kind, batch in zip(KINDS, (accepted, rejected), strict=True)
              for piece in _pieces(batch, most_bytes - HEADERS_SIZE)]
    return [Part(kind, _headers(delivery, number, len(pieces)), piece)
            for number, (kind, piece) in enumerate(pieces, 1)]


def _headers(delivery: str, number: int, count: int) -> dict[str, str]:
    return {ID: f"{delivery}-{number}", DELIVERY: delivery, PART: f"{number}/{count}"}


def _pieces(batch: bytes, size: int) -> Iterator[bytes]:
    """The batch cut behind its lines; a line that is longer than `size` is cut within."""
    start = 0
    while start < len(batch):
        end = min(start + size, len(batch))
        if end < len(batch):
            end = batch.rfind(b"\n", start, end) + 1 or end
        yield batch[start:end]
        start = end


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """A part as the stream gives it back: its sequence there and when it was stored."""

    sequence: int
    time: datetime.datetime
    kind: str
    delivery: str
    number: int
    count: int
    payload: bytes

    @classmethod
    def read(cls, sequence: int, time: datetime.datetime, subject: str, headers: dict[str, str] | None,
             payload: bytes) -> Stored:
        """What somebody else has published is no lines: it counts as a delivery that could not be read."""
        given = headers or {}
        kind = subject.rpartition(".")[2]
        found = re.fullmatch(r"(\d+)/(\d+)", given.get(PART, ""))
        if not found or DELIVERY not in given or kind not in KINDS:
            line = lines.unreadable(payload, FOREIGN, lines.stamp(time))
            return cls(sequence, time, "rejected", f"message {sequence}", 1, 1, line)
        return cls(sequence, time, kind, given[DELIVERY], int(found[1]), int(found[2]), payload)


@dataclasses.dataclass(frozen=True, slots=True)
class Whole:
    """A delivery of which every part has come."""

    accepted: bytes
    rejected: bytes
    sequences: frozenset[int]


class Assembly:
    """Parts that wait for the rest of their delivery."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, Stored]] = {}

    def add(self, part: Stored) -> Whole | None:
        """The delivery, if this was the last part of it that was missing; a part may come twice."""
        found = self._waiting.setdefault(part.delivery, {})
        found[part.number] = part
        if len(found) < part.count:
            return None
        del self._waiting[part.delivery]
        ordered = [found[number] for number in sorted(found)]
        accepted, rejected = (b"".join(each.payload for each in ordered if each.kind == kind) for kind in KINDS)
        return Whole(accepted, rejected, frozenset(each.sequence for each in ordered))

    def drop_older(self, than: datetime.datetime) -> frozenset[int]:
        """Forget the deliveries whose every part was stored before that time; the sequences of their parts."""
        old = [delivery for delivery, found in self._waiting.items()
               if all(part.time < than for part in found.values())]
        return frozenset(part.sequence for delivery in old for part in self._waiting.pop(delivery).values())
