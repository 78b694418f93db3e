"""How long the collector keeps the lock from receivers that write into the same folder, beside load."""
from pathlib import Path

import pytest
from accounting import account
from buckets import Collector, Store, light_server
from objects import line, name
from reading import raw_lines
from sending import Ledger, Load
from test_holds import MOST_BYTES, MOST_SECONDS, Hold, holds

LINES = 10_000


@pytest.fixture
def store(tmp_path):
    with light_server(tmp_path / "server") as server:
        yield Store(server.port, "presence").make()


def test_a_backlog_holds_the_lock_for_half_a_second_at_most(start, store, faults, tmp_path, note, long):
    folder, ledger, count = tmp_path / "data", Ledger(), long(60, 400)
    for number in range(count):
        rejected = line(number) * LINES
        store.put(name(number, accepted=0).path, rejected)
    collector = Collector(folder, tmp_path / "log", store, "--once", variables=faults.variables)
    with Load(start(folder), ledger, senders=2):
        assert collector.start().process.wait(120) == 0, collector.text()
    found = [each for each in holds(Path(faults.variables["FAULTS_CONTROL"])) if each.process == collector.process.pid]
    longest = Hold(*map(max, zip(*found, strict=True)))
    assert longest.cpu < MOST_SECONDS * 1_000_000, longest
    assert longest.written <= MOST_BYTES, longest
    assert len(raw_lines(folder, "rejected")) == count * LINES
    note(f"Collecting {count * LINES * len(line(1)) / 1_000_000:.0f} MB beside load ({longest.wall // 1000} ms)",
         account(ledger, folder))
