"""Accounts for what a simulation sent: is each acknowledged observation in the files, and once?"""
from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from presence_receiver.as_sent import AS_SENT, AsSent
from presence_receiver.errors import Refused
from presence_receiver.extras.simulation.tally import Key, Tally
from presence_receiver.extras.simulation.traffic import kept_key, key
from presence_receiver.storage import stored_lines


@dataclasses.dataclass(frozen=True)
class Difference:
    """Of one kind of observation, how many are missing, and how many there are too many."""

    kind: str
    missing: int
    doubled: int

    def faults(self) -> Iterator[str]:
        """Yield what is wrong, in sentences."""
        if self.missing:
            yield f"{self.missing:,} acknowledged, {self.kind} observations are missing from the files."
        if self.doubled:
            yield f"{self.doubled:,} {self.kind} observations are in the files that should not be."


def differences(tally: Tally, folder: Path, kept: AsSent = AS_SENT) -> list[Difference]:
    """Compare the accepted and the rejected observations of this run, as they are kept, with the folder's files."""
    unanswered = _kept(tally.unanswered, kept)
    with _readable(folder):
        return [
            difference(kind, _kept(sent, kept), unanswered, _found(folder, stem, tally.owner_id))
            for kind, sent, stem in (("accepted", tally.good, "presence"), ("rejected", tally.bad, "rejected"))
        ]


def check(folder: Path) -> None:
    """Raise Refused where there is no folder that can be read."""
    with _readable(folder):
        os.listdir(folder)


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{folder} cannot be read ({error.strerror}): "
                      "give the folder that the receiver has as PRESENCE_DATA_DIR.") from None


def difference(kind: str, acknowledged: Counter[Key], unanswered: Counter[Key],
               found: Counter[Key]) -> Difference:
    """Return what is missing and what is there too often; what got no answer may be there or not."""
    missing = acknowledged - found
    doubled = found - (acknowledged + unanswered)
    return Difference(kind, missing.total(), doubled.total())


def _kept(sent: Counter[Key], kept: AsSent) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for each, count in sent.items():
        found[kept_key(each, kept)] += count
    return found


def _found(folder: Path, stem: str, owner_id: int) -> Counter[Key]:
    """Return the stored observations of that owner; each run has an owner of its own."""
    marker = f'"ownerId":{owner_id},'.encode()
    found = (_parsed(line) for line in stored_lines(folder, stem) if marker in line or stem == "rejected")
    return Counter(key(seen) for line in found if (seen := _observation(line, owner_id)))


def _parsed(line: bytes) -> dict[str, Any]:
    """Return the line; of what is none, as an editor may have left it, nothing."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _observation(line: dict[str, Any], owner_id: int) -> dict[str, Any] | None:
    """Return the observation in a line of either kind, if the run made it."""
    if line.get("ownerId") == owner_id:
        return line
    report, observation = line.get("report"), line.get("observation")
    is_ours = isinstance(report, dict) and report.get("ownerId") == owner_id and isinstance(observation, dict)
    return observation if is_ours else None
