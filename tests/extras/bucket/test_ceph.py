"""A real Ceph, two receivers and a collector, all of them killed in turn under a steady load."""
import itertools
import os
import random
import signal
import time

import pytest
from buckets import Collector, Store
from ceph import Ceph
from reading import lines
from running import Receiver, wait_until
from steady_load import SteadyLoad, account, silence

pytestmark = pytest.mark.slow
SECONDS = float(os.environ.get("PRESENCE_TEST_BUCKET_SECONDS", "120"))
SEED = int(os.environ.get("PRESENCE_TEST_SEED", "20261122"))
AWAY = 3
"""Seconds for which a killed process stays away."""


@pytest.fixture(scope="module")
def ceph(tmp_path_factory):
    if program := Ceph.missing():
        pytest.skip(f"{program} is not installed")
    one = Ceph(tmp_path_factory.mktemp("ceph"))
    try:
        one.make()
        Store(one.ports[0], "presence").make()
        yield one
    finally:
        one.kill_all()


@pytest.fixture
def stores(ceph, request):
    """The same part of the bucket through each gateway."""
    return [Store(port, "presence", request.node.name) for port in ceph.ports]


@pytest.fixture
def receivers(tmp_path, stores):
    started = [Receiver(tmp_path / "none", tmp_path / f"receiver-{number}", variables=store.variables,
                        BUCKET_URL=store.url) for number, store in enumerate(stores)]
    for one in started:
        one.__enter__()
    yield started
    for one in started:
        one.kill()


@pytest.fixture
def collector(tmp_path, stores):
    one = Collector(tmp_path / "collected", tmp_path / "collector.log", stores[0]).start()
    yield one
    one.stop(signal.SIGKILL)


class Kills:
    """Kills one process at a time and starts it again, in turns."""

    def __init__(self, ceph, receivers, collector):
        self._ceph, self._receivers, self._collector = ceph, receivers, collector
        self._random = random.Random(SEED)
        self.times, self._stop = [], time.monotonic() + SECONDS
        self._turns = itertools.cycle([self._gateway, self._osd, self._collector_one, self._receiver, self._worker])

    def run(self):
        while time.monotonic() < self._stop:
            turn, begun = next(self._turns), time.monotonic()
            turn()
            time_away = time.monotonic()
            self.times.append((turn.__name__.strip("_"), begun, time_away))
            wait_until(lambda pause=self._random.uniform(1, 3): time.monotonic() > time_away + pause)

    def counts(self):
        names = [name for name, _, _ in self.times]
        return {name: names.count(name) for name in names}

    def _stay_away(self):
        end = time.monotonic() + AWAY
        wait_until(lambda: time.monotonic() > end)

    def _daemon(self, names):
        name = self._random.choice(names)
        self._ceph.kill(name)
        self._stay_away()
        self._ceph.start(name)

    def _gateway(self):
        self._daemon(self._ceph.gateways)
        wait_until(self._ceph.answers, 60, "the gateway to answer")

    def _osd(self):
        self._daemon(self._ceph.osds)

    def _receiver(self):
        receiver = self._random.choice(self._receivers)
        receiver.kill()
        self._stay_away()
        receiver.__enter__()

    def _worker(self):
        os.kill(self._random.choice(self._random.choice(self._receivers).workers()), signal.SIGKILL)

    def _collector_one(self):
        self._collector.stop(signal.SIGKILL)
        self._stay_away()
        self._collector.start()


def numbers(collector, stem):
    """The observations' numbers in the files, read while they are written: the last line may be unfinished."""
    try:
        found = lines(collector.folder, stem)
    except (AssertionError, ValueError, OSError):
        return []
    return [(line if stem == "presence" else line["observation"])["seenEpoch"] for line in found]


def accounted(sent, collector):
    """The account, when all that was answered 200 has been collected."""
    wanted = {number for each in sent if each.status == 200 for number in each.good}
    wait_until(lambda: wanted <= {*numbers(collector, "presence")}, 120, "the collector to catch up")
    assert collector.stop() == 0
    return account(sent, numbers(collector, "presence"), numbers(collector, "rejected"))


def test_nothing_is_lost_or_doubled_while_everything_is_killed(ceph, receivers, collector, stores, capsys):
    kills = Kills(ceph, receivers, collector)
    with SteadyLoad(receivers) as load:
        wait_until(lambda: any(each.status == 200 for each in load.sent), 60, "a first 200")
        kills.run()
    found = accounted(load.sent, collector)
    silences = sorted(silence(load.sent, begun, ended) for _, begun, ended in kills.times)
    with capsys.disabled():
        print(f"\nseed {SEED}, kills {kills.counts()}\n{found}\nseconds without a 200 after each kill: "
              + ", ".join(f"{each:.1f}" for each in silences))
    assert found.wrong == (0, 0, 0, 0)
    assert found.answered["200"] > len(load.sent) / 2
    assert silences[-1] < 15
    assert stores[0].paths("inbox/") == []


def test_nothing_is_gone_after_all_daemons_were_killed_at_once(ceph, receivers, collector, stores, capsys):
    with SteadyLoad(receivers) as load:
        wait_until(lambda: sum(each.status == 200 for each in load.sent) > 60, 60, "some 200s")
        collector.stop(signal.SIGKILL)
        at = sum(each.status == 200 for each in load.sent)
        wait_until(lambda: sum(each.status == 200 for each in load.sent) > at + 60, 60, "some that are not collected")
        ceph.kill_all()
    ceph.start_all()
    wait_until(lambda: receivers[0].post([{"observations": []}]).status == 200)
    wait_until(lambda: receivers[1].request("GET", "/readyz").status == 200, 120, "the cluster to be well")
    found = accounted(load.sent, collector.start())
    with capsys.disabled():
        print(f"\nall daemons killed: {found}")
    assert found.wrong == (0, 0, 0, 0)
