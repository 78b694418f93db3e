"""A lock that somebody else holds: real workers, a real flock."""
import fcntl
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from reading import raw_lines
from running import timed, wait_until
from sending import delivery

pytestmark = pytest.mark.slow
LATE = "The storage at PRESENCE_DATA_DIR could not be written in time: another process holds it, or its disk hangs."
SLOW = "Deliveries wait: another process holds .presence.lock at PRESENCE_DATA_DIR, or its disk is slow."


@contextmanager
def held(folder):
    """As `flock -s` does it: a shared lock is enough to keep everybody out."""
    descriptor = os.open(folder / ".presence.lock", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def ready(one):
    """The status of /readyz, its warnings and how long it took."""
    found, seconds = timed(lambda: one.request("GET", "/readyz"))
    assert seconds < 3
    return found.status, found.json["warnings"], found.json.get("error")


def test_a_held_lock_costs_each_delivery_five_seconds_and_nothing_else(start):
    one = start()
    assert one.post(delivery(1, 1)).status == 200
    with held(one.folder), ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(timed, lambda n=n: one.post(delivery(n, 1))) for n in range(2, 18)]
        assert ready(one)[:2] == (200, [SLOW])
        assert timed(lambda: one.request("GET", "/healthz").status)[1] < 1
        for found, seconds in [each.result() for each in sent]:
            assert (found.status, found.json, found.headers["Retry-After"]) == (503, {"error": LATE}, "10")
            assert 4.5 < seconds < 7
        wait_until(lambda: ready(one) == (503, [], LATE), what="/readyz to say so")
    wait_until(lambda: ready(one)[:2] == (200, []), what="/readyz to be well again")
    assert one.post(delivery(20, 1)).status == 200
    assert len(raw_lines(one.folder)) == 2


def test_a_lock_given_back_in_time_costs_nothing(start):
    one = start()
    assert one.post(delivery(1, 1)).status == 200
    with ThreadPoolExecutor(8) as pool:
        with held(one.folder):
            sent = [pool.submit(one.post, delivery(n, 1)) for n in range(2, 10)]
            assert ready(one)[:2] == (200, [SLOW])
        assert [each.result().status for each in sent] == [200] * 8
    assert len(raw_lines(one.folder)) == 9


def test_a_worker_that_waits_for_the_lock_ends_when_it_is_told_to(start):
    one = start(workers=1)
    assert one.post(delivery(1, 1)).status == 200
    with held(one.folder), ThreadPoolExecutor(1) as pool:
        sent = pool.submit(one.post, delivery(2, 1))
        assert ready(one)[0] == 200
        os.kill(one.process.pid, signal.SIGTERM)
        assert sent.result().status == 503
        assert timed(lambda: one.process.wait(25))[1] < 15
