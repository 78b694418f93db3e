"""Deliveries at a steady rate to several receivers, each with observations of its own, and what became of them."""
import collections
import itertools
import threading
import time
from typing import NamedTuple

SMALL, LARGE, EVERY = 20, 6000, 100
"""Observations of a delivery; every so many is one that takes two messages."""


class Sent(NamedTuple):
    """One delivery: its observations' numbers, the answer's status (None without one), when that was."""

    numbers: range
    status: int | None
    begun: float
    ended: float


class SteadyLoad:
    """Posts until it leaves its `with`."""

    def __init__(self, receivers, rate=20, threads=12):
        self._receivers = itertools.cycle(receivers)
        self._pause = threads / rate
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._deliveries, self._next = itertools.count(1), 0
        self.sent = []
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
            time.sleep(self._pause / len(self._threads))
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self):
        while not self._stop.wait(self._pause):
            self._post(*self._turn())

    def _turn(self):
        with self._lock:
            count = LARGE if next(self._deliveries) % EVERY == 0 else SMALL
            numbers = range(self._next, self._next + count)
            self._next += count
            return numbers, next(self._receivers)

    def _post(self, numbers, receiver):
        begun = time.monotonic()
        try:
            status = receiver.post([{"ownerId": 1, "apMac": "C413E2008040", "observations": [
                {"clientMac": f"{number:012X}", "seenEpoch": number} for number in numbers]}]).status
        except (OSError, EOFError, ValueError):
            status = None
        self.sent.append(Sent(numbers, status, begun, time.monotonic()))


class Account(NamedTuple):
    """What the files hold of what was sent, in observations (torn: deliveries)."""

    answered: dict
    stored: int
    missing: int
    doubled: int
    torn: int
    foreign: int


def account(sent, macs):
    """Compare what was sent with the device addresses in the files."""
    counts = collections.Counter(int(mac, 16) for mac in macs)
    known = {number for each in sent for number in each.numbers}
    there = [(each, sum(number in counts for number in each.numbers)) for each in sent]
    return Account(
        dict(collections.Counter(str(each.status) for each in sent)), sum(counts.values()),
        sum(len(each.numbers) - found for each, found in there if each.status == 200),
        sum(count - 1 for count in counts.values()),
        sum(0 < found < len(each.numbers) for each, found in there), len(counts.keys() - known),
    )


def longest_silence(sent, since, until):
    """The longest time in which no 200 came, of those that begin between the two times."""
    times = sorted([since, *(each.ended for each in sent if each.status == 200 and since <= each.ended)])
    return max((after - before for before, after in itertools.pairwise(times) if before <= until), default=0)
