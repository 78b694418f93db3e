"""Senders that remember what became of each delivery; no observation of theirs is sent twice.

Delivery number n has n as clientMac in each of its observations, and their index as seenEpoch.
"""
import http.client
import itertools
import json
import threading

from running import AUTHORIZED

RSSI = -47


def delivery(number, size):
    """A delivery of `size` observations, by its number."""
    seen = [
        {"clientMac": f"{number:012X}", "seenEpoch": index, "ssid": "Retail World", "rssi": RSSI, "os": "ios"}
        for index in range(size)
    ]
    return json.dumps([{"ownerId": 1490, "apMac": "C413E2008040", "observations": seen}]).encode()


class Ledger:
    """What was sent, by delivery number: how many observations, and the status that came back, or None."""

    def __init__(self):
        self.sizes, self.statuses = {}, {}
        self._numbers = itertools.count(1)

    def next(self, size):
        """A new delivery: its number and its body."""
        number = next(self._numbers)
        self.sizes[number] = size
        return number, delivery(number, size)

    def answered(self, number, status, body):
        """Note an answer; the counts of a 200 must be those that were sent."""
        if status == 200:
            assert json.loads(body) == {"accepted": self.sizes[number], "rejected": 0}
        self.statuses[number] = status

    def forget(self, number):
        """It was never sent."""
        del self.sizes[number]

    def numbers(self, *statuses):
        """The deliveries with one of these outcomes."""
        return [number for number in list(self.sizes) if self.statuses.get(number) in statuses]


def post(receiver, ledger, size):
    """One delivery on a connection of its own; its status, None without an answer."""
    return Sender(receiver, ledger, lambda: size).send(once=True)


class Sender:
    """Posts one delivery after the other on a kept connection, as long as the ports answer."""

    def __init__(self, receiver, ledger, size):
        self._ledger, self._size = ledger, size
        self._connection = receiver.connect()
        self.broken = []

    def send(self, once=False):
        number, body = self._ledger.next(self._size())
        try:
            self._connection.request("POST", "/presence", body, AUTHORIZED)
            answer = self._connection.getresponse()
            self._read(number, answer)
        except ConnectionRefusedError:
            self._ledger.forget(number)
        except (OSError, http.client.HTTPException):
            self._connection.close()
        if once:
            self.close()
        return self._ledger.statuses.get(number)

    def close(self):
        self._connection.close()

    def _read(self, number, answer):
        try:
            self._ledger.answered(number, answer.status, answer.read())
        except (OSError, http.client.HTTPException):
            self.broken.append(number)
            raise


class Load:
    """Senders in threads, until `count` deliveries have been sent or the `with` block ends."""

    def __init__(self, receiver, ledger, senders=8, size=lambda: 3, count=None):
        self._senders = [Sender(receiver, ledger, size) for _ in range(senders)]
        self._counts = iter(range(count)) if count else itertools.count()
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self.failures = []
        self.threads = [threading.Thread(target=self._run, args=(sender,)) for sender in self._senders]

    def _run(self, sender):
        try:
            while not self._is_over.is_set() and self._is_next():
                if sender.send() is None:
                    self._is_over.wait(0.01)  # nobody there: do not spin
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            sender.close()

    @property
    def broken(self):
        """Deliveries whose answer began and did not end."""
        return [number for sender in self._senders for number in sender.broken]

    def _is_next(self):
        with self._lock:
            return next(self._counts, None) is not None

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self.join()

    def join(self):
        """Wait until all has been sent."""
        for thread in self.threads:
            thread.join(600)
        assert self.failures == []
