"""A worker that is told to end while it still starts does so; else it would be killed, with what it has, 20 s later."""
import os
import signal

import pytest
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
