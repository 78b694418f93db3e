import os
import random
import signal

import pytest
from reading import Stored
from running import Receiver, wait_until

pytest_plugins = ["accounts"]

# A suite that runs in the background has it ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """Take away what the machine's environment would change."""
    ours = ("PRESENCE_", "HIVEMANAGER_", "EXTREMECLOUDIQ_", "NETRC", "NO_COLOR", "FORCE_COLOR")
    for name in [*os.environ]:
        if name.startswith(ours) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def start(tmp_path):
    """Start receivers on a data folder of the test's own; they are stopped at its end."""
    started = []

    def start_one(folder=tmp_path / "data", **options):
        one = Receiver(folder, tmp_path / f"log-{len(started)}", **options)
        started.append(one)
        return one.__enter__()

    yield start_one
    for one in started:
        if one.process:
            one.stop()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """One receiver for a whole module. No worker of it may die, and nothing it is sent may be a 500."""
    folder = tmp_path_factory.mktemp("receiver")
    with Receiver(folder / "data", folder / "log", MAX_BODY_BYTES=1_000_000, PREVIOUS_SECRET="früher") as one:
        workers = wait_until(lambda: len(found := one.workers()) == 2 and found, what="both workers")
        yield one
        assert one.workers() == workers
        assert [line for line in one.text().splitlines() if "Traceback" in line or " 500 " in line] == []


@pytest.fixture
def stored(receiver):
    """What the module's receiver has stored since the test began."""
    return Stored(receiver.folder)


@pytest.fixture
def deliveries():
    """Build deliveries whose observations are all different; the same ones in every run."""
    numbers = random.Random(20261122)

    def build(count, observations=3):
        return [
            {"ownerId": 1490, "apMac": f"{number:012X}", "observations": [
                {"clientMac": f"{numbers.getrandbits(48):012X}", "seenEpoch": number * 1000 + index,
                 "ssid": "Retail World", "rssi": numbers.randint(-97, -33)} for index in range(observations)
            ]} for number in range(count)
        ]

    return build
