"""A clock that is set back by an hour and forward by a day, under load."""
import gzip
import re

from accounting import account
from reading import paths
from running import wait_until
from sending import Ledger, Load

HOUR, DAY = 3_600, 86_400


def deliver(load, ledger, count=150):
    enough = len(ledger.numbers(200)) + count
    wait_until(lambda: len(ledger.numbers(200)) > enough, what="deliveries")


def see_a_round(load, ledger, folder):
    """Wait until housekeeping has compressed what is closed by now."""
    deliver(load, ledger)
    waiting = list(folder.glob("presence-*.jsonl"))
    assert waiting
    wait_until(lambda: not any(path.exists() for path in waiting), 60, what="housekeeping")


def numbers_in(path):
    """The numbers of the deliveries in a file."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [int(number, 16) for number in re.findall(rb'"clientMac":"(\w+)"', text)]


def test_set_back_and_forward(faults, start, note, long):
    """No name is taken twice, names sort as the files were written, and nothing is deleted too early."""
    ledger = Ledger()
    one = start(variables=faults.variables, ROTATE_BYTES=10_000, KEEP_DAYS=1)
    for _ in range(long(1, 5)):
        with Load(one, ledger, senders=1) as load:
            deliver(load, ledger)
            for offset in (-HOUR, DAY + HOUR, 0):
                faults.on("clock", offset)
                deliver(load, ledger)
            faults.on("clock", DAY + HOUR)
            for _ in range(2):  # what the first of them saw, it has deleted when the second compresses
                see_a_round(load, ledger, one.folder)
    one.stop()
    assert len(paths(one.folder)) > 20
    numbers = [number for path in paths(one.folder) for number in numbers_in(path)]
    assert numbers == sorted(numbers)
    note("Clock set back by an hour, forward by a day", account(ledger, one.folder))
