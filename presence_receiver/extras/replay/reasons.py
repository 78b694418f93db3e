"""Why lines were rejected, counted by reason, and what replaying them would bring. Reads, and changes nothing."""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any

from presence_receiver.errors import NotRead
from presence_receiver.extras.replay import rejected_line
from presence_receiver.mask import one_line

NO_LINE = "This line is no rejected line."
LONGEST_EXAMPLE = 60
"""Characters."""


@dataclasses.dataclass
class Reason:
    """How many lines have it, the first one's value and time, and how many observations replay would make lines of."""

    example: str
    received_at: str
    count: int = 0
    good: int = 0


@dataclasses.dataclass
class Reasons:
    """What was found; a line with two faults counts for both reasons and once in `lines`."""

    by_text: dict[str, Reason] = dataclasses.field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """A sentence for each file that is not read to its end."""
    lines: int = 0
    good: int = 0
    left: int = 0

    def sorted(self) -> list[tuple[str, Reason]]:
        """Return the most frequent first."""
        return sorted(self.by_text.items(), key=lambda item: -item[1].count)


def counted(lines: Iterable[bytes]) -> Reasons:
    """Return the reasons of all lines, and what replay would do with each."""
    found = Reasons()
    for line in readable(lines, found):
        judged = rejected_line.judged(line)
        found.lines += 1
        found.good += judged.accepted_count
        found.left += judged.rejected_count
        rejected = _parsed(line)
        for text, value in _reasons(rejected):
            seen = Reason(_short(value), str(rejected.get("receivedAt")))
            reason = found.by_text.setdefault(text, seen)
            reason.count += 1
            reason.good += judged.accepted_count
    return found


def readable(lines: Iterable[bytes], found: Reasons) -> Iterator[bytes]:
    """Yield all lines that can be read, and note which files have more."""
    try:
        yield from lines
    except NotRead as error:
        found.faults = error.args


def _parsed(line: bytes) -> dict[str, Any]:
    """Return the rejected line; of what is none, a line that says so."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and isinstance(found.get("errors"), dict):
        return found
    return {"errors": {"_schema": [NO_LINE]}, "body": line.decode(errors="replace")}


def _reasons(rejected: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each reason once, as `field: sentence`, and the value that it is about."""
    whole = next((rejected[name] for name in ("observation", "report", "body", "bodyBase64")
                  if rejected.get(name) is not None), None)
    told = {text: path for path, text in _flat(rejected["errors"], ())}
    for text, path in told.items():
        value = whole
        for name in path:
            value = _part(value, rejected.get("report"), name)
        yield text, value


def _flat(errors: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of each error, without the place in the delivery, and its words with the field's name before."""
    if isinstance(errors, dict):
        for name, below in errors.items():
            yield from _flat(below, path if name in ("_schema", "observations") else (*path, name))
        return
    names = [name for name in path if not name.isdigit()]
    field = ".".join(names)
    for text in errors if isinstance(errors, list) else [errors]:
        yield path[_first(path):], f"{field}: {text}" if field else str(text)


def _first(path: tuple[str, ...]) -> int:
    """Return where the field's name begins: the numbers before it are places in the delivery."""
    return next((index for index, name in enumerate(path) if not name.isdigit()), len(path))


def _part(value: Any, report: Any, name: str) -> Any:
    """Return a member of the value, or else of the report."""
    if isinstance(value, list):
        return value[int(name)] if name.isdigit() and int(name) < len(value) else None
    if isinstance(value, dict) and name in value:
        return value[name]
    return report.get(name) if isinstance(report, dict) else None


def _short(value: Any) -> str:
    text = one_line(value if isinstance(value, str) and len(value) > LONGEST_EXAMPLE
                    else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[:LONGEST_EXAMPLE - 1]}…"
