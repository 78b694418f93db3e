"""Ctrl-C ends the collector where it can end, with its summary, and is told apart from SIGTERM."""
import signal
import uuid

import pytest
from reading import raw_lines
from running import wait_until

from presence_receiver.extras.bucket.names import Name


@pytest.mark.parametrize(["how", "status"], [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_how_it_was_ended_is_its_exit_status(store, collect, tmp_path, how, status):
    line = b'{"receivedAt":"2026-11-22T20:15:00.123456Z","n":1}\n'
    store.put(Name("20261122T201500.123456Z", uuid.UUID(int=1).hex, 1, len(line)).path, line)
    one = collect(tmp_path / "collected")
    wait_until(lambda: raw_lines(tmp_path / "collected") == [line])
    one.stop(how)
    assert one.process.returncode == status
    assert one.text().splitlines()[-1].startswith("Collected 1 ")
