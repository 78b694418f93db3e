"""A worker that is told to end while it still starts does so; else it would be killed, with what it has, 20 s later."""
import os
import signal
import subprocess
import sys

import pytest
from other_user import NOBODY
from processes import threads
from running import Receiver, wait_until


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_that_comes_before_the_worker_serves_is_heard(sign, tmp_path):
    """Once it runs Python: in a child that has not begun to, CPython forgets a signal (PyOS_AfterFork_Child)."""
    one = Receiver(tmp_path / "data", tmp_path / "log", workers=1)
    one.launch()
    try:
        wait_until(lambda: "Booting worker" in one.text(), what="a worker")
        (worker,) = one.workers()
        os.kill(worker, sign)
        wait_until(lambda: worker not in one.workers(), seconds=10, what="the worker's end")
    finally:
        assert one.stop() == 0
    assert "Traceback" not in one.text()


def test_a_workers_threads_are_there_before_a_delivery_needs_them(tmp_path):
    """It might have to begin one just when the container may have no more."""
    with Receiver(tmp_path / "data", tmp_path / "log", workers=1) as one:
        (worker,) = one.workers()
        before = threads(worker)
        assert len(before) > 3
        for _ in range(3):
            assert one.post([]).status == 200
        assert threads(worker) == before


BEGUN = """
import os, resource, sys
from gevent import monkey
monkey.patch_all()
import gevent
from presence_receiver.server import worker
gevent.config.threadpool_idle_task_timeout = 0.1
if sys.argv[1] == "none":
    gevent.get_hub().threadpool
    if os.geteuid() == 0:
        os.setresuid(*[int(sys.argv[2])] * 3)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
worker._begin_threads()
if sys.argv[1] == "some":
    gevent.get_hub().threadpool.spawn(int).get()
    gevent.sleep(0.5)
print(gevent.get_hub().threadpool.size, flush=True)
os._exit(0)  # whatever coverage would write, another user's file is it
"""


@pytest.mark.parametrize(["kind", "count"], [("some", 3), ("none", 0)])
def test_threads_stay_though_they_are_idle_and_a_worker_starts_without_any(kind, count):
    ran = subprocess.run([sys.executable, "-c", BEGUN, kind, str(NOBODY)], capture_output=True, text=True, timeout=30)
    assert ran.stdout == f"{count}\n", ran.stderr
