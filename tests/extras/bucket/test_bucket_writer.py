"""What waits in a process for a bucket that does not take it: how much, and for how long."""
import os
import subprocess
import sys
import threading
import time

import pytest
from other_user import NOBODY
from running import wait_until

from presence_receiver.errors import StorageError
from presence_receiver.extras.bucket import writer
from presence_receiver.metrics import Metrics

LINE = b'{"receivedAt":"2026-11-22T20:15:00.123456Z"}\n'
FULL = "The bucket at PRESENCE_BUCKET_URL has not taken what came before."
SILENT = "The bucket at PRESENCE_BUCKET_URL did not answer in time."


class Counted(Metrics):
    """What the writer says is here and not in the bucket yet."""

    def __init__(self):
        self.size = self.largest = self.retries = 0
        self.commits = []

    def retried(self):
        self.retries += 1

    def committed(self, count, seconds):
        self.commits.append(count)

    def waiting(self, size):
        self.size, self.largest = size, max(size, self.largest)


@pytest.fixture
def counted():
    return Counted()


@pytest.fixture
def bucket_writer(inside, gateway, behind, counted, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", behind["AWS_ENDPOINT_URL"])
    return writer.BucketWriter(inside.url, 0, counted)


def refused(bucket_writer, content):
    with pytest.raises(StorageError) as error:
        bucket_writer.append(content, b"")
    assert error.value.kind == "bucket"
    return str(error.value)


def test_there_is_an_end_to_what_waits(bucket_writer, gateway, counted, inside, monkeypatch):
    monkeypatch.setattr(writer, "MOST_WAITING", 3 * len(LINE))
    gateway.mode = "hang"
    said = []
    thread = threading.Thread(target=lambda: said.append(refused(bucket_writer, 2 * LINE)))
    thread.start()
    wait_until(lambda: gateway.count("PUT"), what="the PUT")
    begun = time.monotonic()
    assert refused(bucket_writer, 2 * LINE) == FULL
    assert time.monotonic() - begun < 1
    thread.join()
    assert said == [SILENT]
    gateway.mode = "good"
    wait_until(lambda: inside.objects(), what="what waits to land")
    wait_until(lambda: counted.size == 0, what="nothing to wait")
    bucket_writer.append(2 * LINE, b"")
    assert ([*inside.objects().values()], counted.largest) == ([2 * LINE, 2 * LINE], 2 * len(LINE))


def test_a_delivery_of_any_size_may_wait_alone(bucket_writer, inside, monkeypatch):
    monkeypatch.setattr(writer, "MOST_WAITING", 1)
    bucket_writer.append(LINE, LINE)
    assert [*inside.objects().values()] == [LINE + LINE]


@pytest.mark.slow
def test_a_delivery_is_given_up_in_the_end(bucket_writer, gateway, counted, inside, monkeypatch):
    monkeypatch.setattr(writer, "KEPT_SECONDS", 6)
    gateway.mode = "hang"
    assert refused(bucket_writer, LINE) == SILENT
    wait_until(lambda: counted.size == 0, what="it to be given up")
    gateway.mode = "good"
    bucket_writer.append(LINE, b"")
    assert [*inside.objects().values()] == [LINE]


def test_what_is_not_taken_is_tried_again_under_the_same_name(bucket_writer, gateway, counted, monkeypatch):
    gateway.mode = "slow down"
    joining = threading.Thread(target=bucket_writer.append, args=(LINE, LINE))
    joining.start()
    wait_until(lambda: counted.retries > 1, what="it to be tried again")
    gateway.mode = "good"
    joining.join()
    tried = [each for each in gateway.requests if each.startswith("PUT")]
    assert len({*tried}) == 1 and len(tried) >= counted.retries + 1 and counted.commits == [1]
    monkeypatch.setattr(writer, "ANSWER_SECONDS", 0.3)
    gateway.mode = "hang"
    assert refused(bucket_writer, LINE) == writer.LATE  # the fault that is over is not told any more


def test_what_is_counted_are_the_deliveries_of_an_object_and_no_checks(inside, counted):
    one = writer.BucketWriter(inside.url, 0.3, counted)
    threads = [threading.Thread(target=one.append, args=(LINE, b"")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one._stored_at = float("-inf")
    one.check()
    assert (sum(counted.commits), len(inside.objects())) == (3, len(counted.commits))


def test_at_most_three_are_under_way(bucket_writer, gateway, inside, monkeypatch):
    monkeypatch.setattr(writer, "MOST_BYTES", 1)
    gateway.mode = "hang"
    threads = [threading.Thread(target=refused, args=(bucket_writer, LINE)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each for each in gateway.requests if each.startswith("PUT")}) == 3
    gateway.mode = "good"
    wait_until(lambda: len(inside.objects()) == 6, what="all to land")


def test_two_writers_never_give_one_name_twice(inside, counted):
    for _ in range(2):
        one = writer.BucketWriter(inside.url, 0, counted)
        for _ in range(3):
            one.append(LINE, b"")
    names = [path.split("-") for path in inside.paths("inbox/")]
    assert len({(process, number) for _, process, number, _ in names}) == 6
    assert sorted(int(number) for _, _, number, _ in names) == [0, 0, 1, 1, 2, 2]


WITHOUT_THREADS = """
import os, resource, sys
from presence_receiver.errors import StorageError
from presence_receiver.extras.bucket.writer import BucketWriter
from presence_receiver.metrics import Metrics
line = b'{"receivedAt":"2026-11-22T20:15:00.123456Z"}\\\\n'
one, another = [BucketWriter(sys.argv[1], 0, Metrics()) for _ in range(2)]
one.append(line, b"")
if os.geteuid() == 0:
    os.setresuid(*[int(sys.argv[2])] * 3)
_, most = resource.getrlimit(resource.RLIMIT_NPROC)
resource.setrlimit(resource.RLIMIT_NPROC, (1, most))
one.append(line, b"")
try:
    another.append(line, b"")
except StorageError as error:
    print(error, flush=True)
resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
for each in (one, another):
    each.append(line, b"")
os._exit(0)  # whatever coverage would write, another user's file is it
"""


def test_a_moment_without_threads(store):
    """One that is there already stores what it has by itself; where there is none, it is a sentence."""
    ran = subprocess.run([sys.executable, "-c", WITHOUT_THREADS, store.url, str(NOBODY)],
                         env=os.environ | store.variables, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, f"{writer.NO_THREAD}\n"), ran.stderr
    assert len(store.paths()) == 4
