"""Three real servers, two receivers and a collector, all of them killed in turn under a steady load."""
import itertools
import os
import random
import signal
import time

import nats_servers
import pytest
from nats_servers import Collector, leader, wait_until_ready
from reading import lines
from running import Receiver, wait_until
from steady_load import SteadyLoad, account, longest_silence

pytestmark = pytest.mark.slow
SECONDS = float(os.environ.get("PRESENCE_TEST_STREAM_SECONDS", "45"))
SEED = int(os.environ.get("PRESENCE_TEST_SEED", "20261122"))
AWAY = 3
"""Seconds for which a killed process stays away."""


@pytest.fixture
def cluster(tmp_path):
    servers = nats_servers.cluster(tmp_path)
    for server in servers:
        server.start()
    wait_until_ready(servers)
    yield servers
    for server in servers:
        server.kill()


@pytest.fixture
def settings(cluster):
    return {"STREAM_URL": ",".join(server.url for server in cluster)}


@pytest.fixture
def receivers(tmp_path, settings):
    started = [Receiver(tmp_path / "none", tmp_path / f"receiver-{number}", **settings) for number in (1, 2)]
    for one in started:
        one.__enter__()
    yield started
    for one in started:
        one.kill()


@pytest.fixture
def collector(tmp_path, settings):
    one = Collector(tmp_path / "collected", tmp_path / "collector.log", **settings).start()
    yield one
    one.stop(signal.SIGKILL)


class Kills:
    """Kills one process at a time and starts it again, in the order of `turns`."""

    def __init__(self, cluster, receivers, collector):
        self._cluster, self._receivers, self._collector = cluster, receivers, collector
        self._random = random.Random(SEED)
        self.leaders, self.counts = [], {}
        self._turns = itertools.cycle([self._leader, self._collector_one, self._receiver, self._server, self._worker])

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            turn = next(self._turns)
            self.counts[turn.__name__] = self.counts.get(turn.__name__, 0) + 1
            turn()
            time.sleep(self._random.uniform(1, 3))

    def _leader(self):
        server = wait_until(lambda: leader(self._cluster), what="a leader")
        begun = time.monotonic()
        self._restart(server)
        self.leaders.append((begun, time.monotonic()))

    def _server(self):
        self._restart(self._random.choice(self._cluster))

    def _restart(self, server):
        """Back only when it has caught up, so that there is never more than a minority away."""
        server.kill()
        time.sleep(AWAY)
        server.start()
        wait_until_ready([server])
        wait_until(lambda: leader(self._cluster), what="a leader")

    def _receiver(self):
        receiver = self._random.choice(self._receivers)
        receiver.kill()
        time.sleep(AWAY)
        receiver.__enter__()

    def _worker(self):
        os.kill(self._random.choice(self._random.choice(self._receivers).workers()), signal.SIGKILL)

    def _collector_one(self):
        self._collector.stop(signal.SIGKILL)
        time.sleep(AWAY)
        self._collector.start()


def row(label, value):
    return f"{label:<62} {value}"


def table(found, kills, silence):
    return "\n".join([
        row("kills", kills.counts), row("deliveries by answer", found.answered),
        row("observations in the files", found.stored), row("of a 200, missing", found.missing),
        row("in the files twice", found.doubled), row("deliveries in the files in part", found.torn),
        row("longest time without a 200 after a leader's death, seconds", f"{silence:.1f}"),
    ])


def test_nothing_is_lost_or_doubled_while_everything_is_killed(cluster, receivers, collector, capsys):
    kills = Kills(cluster, receivers, collector)
    with SteadyLoad(receivers) as load:
        wait_until(lambda: any(each.status == 200 for each in load.sent), what="a first 200")
        kills.run(SECONDS)
    wanted = {each.numbers[-1] for each in load.sent if each.status == 200}
    wait_until(lambda: wanted <= {line["seenEpoch"] for line in stored(collector)}, 90, "the collector to catch up")
    found = account(load.sent, [line["clientMac"] for line in stored(collector)])
    silence = max((longest_silence(load.sent, *times) for times in kills.leaders), default=0)
    with capsys.disabled():
        print("\n" + table(found, kills, silence))
    assert (found.missing, found.doubled, found.torn, found.foreign) == (0, 0, 0, 0)
    assert found.answered["200"] > len(load.sent) / 2
    assert silence < 10


def stored(collector):
    """The lines, read while they are written: the last may be unfinished."""
    try:
        return lines(collector.folder)
    except (AssertionError, ValueError, OSError):
        return []
