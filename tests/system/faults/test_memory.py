"""Large deliveries, one after the other and many at once: memory falls back and no file stays open."""
import json
from concurrent.futures import ThreadPoolExecutor

from accounting import account
from processes import opened
from running import AUTHORIZED, wait_until
from sending import Ledger, Load, post

MB = 1_000_000
LIMIT = 16 * 1024 * 1024


def descriptors(receiver):
    return [len(opened(worker)) for worker in receiver.workers()]


def test_two_hundred_megabytes(start, note, long):
    one, ledger = start(), Ledger()
    size = MB // 110
    assert [post(one, ledger, size) for _ in range(8)] == [200] * 8
    before, opened = one.memory("VmRSS"), descriptors(one)
    with Load(one, ledger, senders=2, size=lambda: size, count=long(60, 200)) as load:
        load.join()
    assert one.memory("VmHWM") < 200 * MB
    assert [post(one, ledger, 3) for _ in range(8)] == [200] * 8
    assert one.memory("VmRSS") < before + 30 * MB
    # A few more are housekeeping's own, more than that are a file being compressed just now.
    wait_until(lambda: all(now <= then + 4 for now, then in zip(descriptors(one), opened, strict=True)))
    note(f"{long(60, 200)} MB in deliveries of 1 MB", account(ledger, one.folder))


def body_at_the_limit(number):
    """As many of the shortest observations as fit: their lines take six times as much."""
    seen = json.dumps({"clientMac": f"{number:012X}", "seenEpoch": 1}).encode()
    count = (LIMIT - 100) // (len(seen) + 1)
    return b'{"observations":[' + b",".join([seen] * count) + b"]}", count


def test_several_bodies_at_the_limit_at_once(start, long):
    one, count = start(workers=1), long(8, 32)
    body, size = body_at_the_limit(1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: one.post(body, AUTHORIZED).json, range(count)))
    assert answers == [{"accepted": size, "rejected": 0}] * count
    assert one.memory("VmHWM") < 600 * MB
