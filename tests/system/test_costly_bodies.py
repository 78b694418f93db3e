"""The costliest bodies that the secret lets in, against a real receiver: others are answered, and no worker goes."""
import gzip
import json
import threading
import time

import pytest
from running import AUTHORIZED, wait_until

from presence_receiver.config import load
from presence_receiver.extras.replay.rewriting import replay

pytestmark = pytest.mark.slow

LIMIT = 16 * 1024 * 1024
MB = 1_000_000
GOOD = b'{"clientMac":"5CB901642E60","seenEpoch":1463828775360}'
SMALL = b'{"observations":[' + GOOD + b"]}"


def filled(member, size=LIMIT, before=b'{"observations":[', after=b"]}"):
    """A body of so many bytes or a few less, and how many members it has."""
    count = (size - len(before) - len(after)) // (len(member) + 1)
    return before + (member + b",") * (count - 1) + member + after, count


def large_field():
    return b'{"apName":"' + b"a" * MB + b'","observations":[' + (GOOD + b",") * 3999 + GOOD + b"]}", 4000


BODIES = {
    "5 MB of {},": lambda: (filled(b"{}", 5 * MB)[0], 1),
    "5 MB of reports {},": lambda: (filled(b"{}", 5 * MB, b"[", b"]")[0], 1),
    "16 MiB of {},": lambda: (filled(b"{}")[0], 1),
    '16 MiB of {"clientMac":"x"}': lambda: (filled(b'{"clientMac":"x"}')[0], 1),
    "8 MB of the same": lambda: filled(b'{"clientMac":"x"}', 8 * MB),
    "12 MB of wrong addresses": lambda: filled(b'{"clientMac":"","seenEpoch":1}', 12 * MB),
    "16 MiB of good ones": lambda: filled(b'{"clientMac":"5CB901642E60","seenEpoch":1}'),
    "2 MB of reports with a bad one": lambda: filled(b'{"observations":[{}]}', 2 * MB, b"[", b"]"),
    "7 MB of reports with a bad one": lambda: (filled(b'{"observations":[{}]}', 7 * MB, b"[", b"]")[0], 1),
    "16 MiB of opened arrays": lambda: (b"[" * LIMIT, 1),
    "a field of 1 MB": large_field,
}


def small_ones(receiver, until):
    """Post small deliveries until it is set; how long the longest was waited for, in seconds."""
    connection, longest = receiver.connect(), 0
    while not until.is_set():
        began = time.monotonic()
        connection.request("POST", "/presence", SMALL, AUTHORIZED)
        assert connection.getresponse().read() == b'{"accepted":1,"rejected":0}\n'
        longest = max(longest, time.monotonic() - began)
    connection.close()
    return longest


@pytest.fixture
def load_beside(start):
    """A receiver of one worker, and small deliveries while something is done with it."""
    one, over, found = start(workers=1, METRICS_TOKEN="a-token"), threading.Event(), []
    thread = threading.Thread(target=lambda: found.append(small_ones(one, over)))
    thread.start()

    def longest():
        over.set()
        thread.join()
        return found[0]

    yield one, longest
    over.set()
    thread.join()


@pytest.mark.parametrize("name", BODIES)
def test_the_worst_bodies_hold_nobody_up_and_every_observation_is_accounted_for(load_beside, name, record_property):
    (one, longest), (body, count) = load_beside, BODIES[name]()
    workers = one.workers()
    answers = [one.post(gzip.compress(body, 1), AUTHORIZED | {"Content-Encoding": "gzip"}) for _ in range(2)]
    for answer in answers:
        assert answer.status in (200, 422)
        counts = [answer.json.get(word, 0) for word in ("accepted", "rejected", "unjudged")]
        assert sum(counts) == count
    seconds, most = longest(), one.memory("VmHWM")
    print(f"\n{name}: {counts}, the longest wait beside it {seconds:.2f} s, peak {most / MB:.0f} MB")
    assert one.workers() == workers
    assert most < 800 * MB
    assert seconds < 1


def test_what_costs_too_much_is_told_and_replayed(start, tmp_path):
    one = start(workers=1, METRICS_TOKEN="a-token")
    assert one.request("GET", "/readyz").json == {"status": "ready", "warnings": []}
    body = b'{"apName":"Lobby","observations":[' + (b'{"clientMac":"x"},') * 60_000 + GOOD + b"]}"
    answer = one.post(body, AUTHORIZED)
    left = answer.json["unjudged"]
    assert answer.json == {"accepted": 1, "rejected": 60_000 - left, "unjudged": left}
    warnings = one.request("GET", "/readyz").json["warnings"]
    assert warnings == [
        "Observations came that cost too much to be judged: presence-cli replay judges them in the rejected files."
    ]
    assert f"{left} of its observations are in the rejected file, unjudged" in one.text()
    metrics = one.connect()
    metrics.request("GET", "/metrics", headers={"Authorization": "Bearer a-token"})
    text = metrics.getresponse().read().decode()
    assert f'presence_observations_total{{result="unjudged"}} {float(left)}' in text
    metrics.close()
    wait_until(lambda: one.stop() == 0)
    rejected = one.folder / "rejected.jsonl"
    replay(rejected, load({"PRESENCE_DATA_DIR": str(one.folder)}, needs_secret=False))
    found = [json.loads(line) for line in rejected.read_bytes().splitlines()]
    assert len(found) == 60_000
    assert {line["observation"]["clientMac"] for line in found} == {"x"}
