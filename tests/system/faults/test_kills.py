"""Processes that are killed or stopped under load."""
import os
import random
import signal
import time
from contextlib import suppress

from accounting import account
from running import wait_until
from sending import Ledger, Load, post

LARGE = 2_000


def sizes(chance):
    """Mostly small deliveries, now and then one that takes several writes' time."""
    return lambda: LARGE if chance.random() < 0.02 else chance.randint(1, 60)


def deliver(receiver, ledger):
    """Deliver until it is answered with 200, which it soon must be."""
    wait_until(lambda: post(receiver, ledger, 3) == 200, 20, "a delivery to be answered 200")


def test_a_worker_is_killed_every_200_ms(start, note, long):
    chance, ledger = random.Random(1), Ledger()
    one, count = start(workers=3, ROTATE_BYTES=1_000_000), long(25, 300)
    with Load(one, ledger, size=sizes(chance)):
        for _ in range(count):
            time.sleep(0.2)
            workers = wait_until(one.workers, what="a worker")
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
    deliver(one, ledger)
    note(f"kill -9 of a worker every 200 ms ({count})", account(ledger, one.folder))


def test_all_are_killed_and_started_again(start, note, long):
    chance, ledger, count = random.Random(2), Ledger(), long(4, 50)
    one = start(ROTATE_BYTES=1_000_000)
    for _ in range(count):
        with Load(one, ledger, size=sizes(chance)):
            time.sleep(chance.uniform(0.1, 1))
            one.kill()
        one.__enter__()
    deliver(one, ledger)
    note(f"kill -9 of all, and restart ({count})", account(ledger, one.folder))


def end(receiver, ledger, *signals):
    """Load, the signals, and load until it is over; how long the receiver took."""
    with Load(receiver, ledger, size=lambda: 5) as load:
        wait_until(lambda: len(ledger.statuses) > 200, what="200 answers")
        began = time.monotonic()
        for number in signals:
            receiver.process.send_signal(number)
        assert receiver.process.wait(25) == 0
        took = time.monotonic() - began
    assert load.broken == []
    return took


def test_stopped_under_load(start, note, long):
    for signals, name in (
        ((signal.SIGTERM, signal.SIGTERM), "SIGTERM, twice"), ((signal.SIGINT,), "SIGINT"),
    ):
        ledger = Ledger()
        one = start(ROTATE_BYTES=1_000_000)
        assert end(one, ledger, *signals) < 25
        one.__enter__()
        deliver(one, ledger)
        note(name, account(ledger, one.folder))
        one.stop()
        for path in one.folder.iterdir():
            path.unlink()


def test_reloaded_under_load(start, note, long):
    ledger = Ledger()
    one = start(ROTATE_BYTES=1_000_000)
    with Load(one, ledger, size=lambda: 5) as load:
        for _ in range(long(3, 20)):
            workers = one.workers()
            one.process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(one.workers()) == 2 and not {*workers} & {*one.workers()}, 30, "new workers")
    assert load.broken == []
    deliver(one, ledger)
    note("SIGHUP, again and again", account(ledger, one.folder))


def test_old_and_new_side_by_side(start, note, tmp_path, long):
    """Two containers on one folder during a deploy; the old one then stops."""
    ledger, folder = Ledger(), tmp_path / "data"
    old, new = (
        start(folder, variables={"HOME": str(tmp_path / name)}, ROTATE_BYTES=100_000) for name in ("old", "new")
    )
    with Load(old, ledger, senders=4) as to_old, Load(new, ledger, senders=4) as to_new:
        time.sleep(long(4, 60))
        old.process.terminate()
        assert old.process.wait(25) == 0
    assert to_old.broken == to_new.broken == []
    note("Old and new side by side", account(ledger, folder))
