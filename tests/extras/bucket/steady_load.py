"""Deliveries at a steady rate to several receivers, each with observations of its own, and what became of them."""
import collections
import itertools
import threading
import time
from typing import NamedTuple

GOOD, BAD = 20, 2
"""Observations of a delivery, accepted and rejected; both have a number of their own."""


class Sent(NamedTuple):
    """One delivery: its observations' numbers, the answer's status (None without one), when that was."""

    numbers: range
    status: int | None
    begun: float
    ended: float

    @property
    def good(self):
        return self.numbers[:GOOD]

    @property
    def bad(self):
        return self.numbers[GOOD:]


class SteadyLoad:
    """Posts until it leaves its `with`."""

    def __init__(self, receivers, rate=20, threads=24):
        self._receivers = itertools.cycle(receivers)
        self._pause = threads / rate
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._next = 0
        self.sent = []
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
            self._stop.wait(self._pause / len(self._threads))
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self):
        while not self._stop.wait(self._pause):
            with self._lock:
                numbers = range(self._next, self._next + GOOD + BAD)
                self._next += len(numbers)
                receiver = next(self._receivers)
            self._post(numbers, receiver)

    def _post(self, numbers, receiver):
        seen = [{"clientMac": f"{number:012X}", "seenEpoch": number} for number in numbers]
        for bad in seen[GOOD:]:
            bad["rssi"] = "strong"
        begun = time.monotonic()
        try:
            status = receiver.post([{"ownerId": 1, "apMac": "C413E2008040", "observations": seen}]).status
        except (OSError, EOFError, ValueError):
            status = None
        self.sent.append(Sent(numbers, status, begun, time.monotonic()))


class Account(NamedTuple):
    """What the files hold of what was sent, in observations (in_part: deliveries)."""

    answered: dict
    accepted: int
    rejected: int
    missing: int
    doubled: int
    in_part: int
    foreign: int

    @property
    def wrong(self):
        return self.missing, self.doubled, self.in_part, self.foreign


def account(sent, accepted, rejected):
    """Compare what was sent with the numbers in the files, of lines and of rejected lines."""
    found = collections.Counter(accepted), collections.Counter(rejected)
    wanted = [(each, [each.good, each.bad]) for each in sent]
    parts = [(each, sum(number in counts for numbers, counts in zip(kinds, found, strict=True) for number in numbers))
             for each, kinds in wanted]
    known = {number for each in sent for number in each.numbers}
    return Account(
        dict(collections.Counter(str(each.status) for each in sent)), found[0].total(), found[1].total(),
        sum(len(each.numbers) - count for each, count in parts if each.status == 200),
        sum(count - 1 for counts in found for count in counts.values()),
        sum(0 < count < len(each.numbers) for each, count in parts),
        len((found[0] | found[1]).keys() - known),
    )


def silence(sent, since, until):
    """The longest time in which no 200 came, of those that begin between the two times."""
    times = sorted([since, *(each.ended for each in sent if each.status == 200 and since <= each.ended)])
    return max((after - before for before, after in itertools.pairwise(times) if before <= until), default=0)
