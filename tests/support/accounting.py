"""Every accepted observation against every line."""
import json
from collections import Counter
from typing import NamedTuple

from reading import contents


class Account(NamedTuple):
    """Counts; `lost`, `doubled`, `torn` and `unasked` (of a refused delivery, or of none) must be 0."""

    deliveries: int
    accepted: int
    lines: int
    lost: int
    doubled: int
    torn: int
    unasked: int

    @property
    def wrong(self):
        return self.lost, self.doubled, self.torn, self.unasked


def account(ledger, folder):
    """Hold what the senders saw against what lies in the folder."""
    lines, torn = whole_lines(folder)
    found = Counter((int(line["clientMac"], 16), line["seenEpoch"]) for line in lines)
    accepted = [(number, index) for number in ledger.numbers(200) for index in range(ledger.sizes[number])]
    welcome = {(number, index) for number in ledger.numbers(200, None) for index in range(ledger.sizes[number])}
    return Account(
        len(ledger.sizes), len(accepted), len(lines), sum(pair not in found for pair in accepted),
        sum(count - 1 for count in found.values()), torn + torn_lines(folder, "rejected"),
        sum(pair not in welcome for pair in found),
    )


def whole_lines(folder, stem="presence"):
    """The lines that are whole, in the order of the files, and how many are not."""
    texts = [text for file in contents(folder, stem) for text in file.splitlines(keepends=True)]
    lines = [line for text in texts if (line := parsed(text)) is not None]
    return lines, len(texts) - len(lines)


def torn_lines(folder, stem):
    return whole_lines(folder, stem)[1]


def parsed(text):
    """The line's object; None where it is torn."""
    try:
        return json.loads(text) if text.endswith(b"\n") else None
    except ValueError:
        return None


def is_together(lines):
    """Whether the lines of each delivery stand one behind the other, in its order."""
    pairs = [(line["clientMac"], line["seenEpoch"]) for line in lines]
    starts = [index for index, (_, place) in enumerate(pairs) if place == 0]
    runs = [pairs[start:end] for start, end in zip(starts, [*starts[1:], len(pairs)], strict=True)]
    return all(run == [(run[0][0], place) for place in range(len(run))] for run in runs)
