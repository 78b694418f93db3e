"""Many senders, many files, a reader all along; a full disk; slow senders."""
import resource
import subprocess
import time
from contextlib import ExitStack, contextmanager

import pytest
from accounting import Account, account, is_together, whole_lines
from dripping import slow_senders
from reading import paths, raw_lines
from running import AUTHORIZED, Receiver, read_answer, wait_until
from sending import Ledger, Load, delivery, post

SLOW = pytest.mark.slow


@contextmanager
def tailing(folder, output):
    """A `tail -F` of the active file, from its first line on; what it printed so far, as a function.

    Where there is no file yet, tail looks for one once a second, and is too slow for several files a second.
    """
    assert (folder / "presence.jsonl").exists()
    with output.open("wb") as file:
        tail = subprocess.Popen(
            ["tail", "-F", "-n", "+1", folder / "presence.jsonl"], stdout=file, stderr=subprocess.DEVNULL
        )
        try:
            yield lambda: output.read_bytes().splitlines(keepends=True)
        finally:
            tail.terminate()
            tail.wait(10)


@pytest.mark.parametrize("count, rotations", [(1_500, 5), pytest.param(20_000, 50, marks=SLOW)])
def test_no_line_is_lost_doubled_or_torn_and_tail_sees_each_once(count, rotations, start, tmp_path):
    one, folder, ledger = start(workers=4, ROTATE_BYTES=64_000), tmp_path / "data", Ledger()
    post(one, ledger, 2)
    with tailing(folder, tmp_path / "tailed") as tailed:
        with Load(one, ledger, size=lambda: 2, count=count - 1) as load:
            load.join()
        found = account(ledger, folder)
        assert found == Account(count, 2 * count, 2 * count, 0, 0, 0, 0)
        assert is_together(whole_lines(folder)[0])
        assert len(paths(folder)) > rotations
        wait_until(lambda: len(tailed()) >= found.lines, what="tail to print all")
        assert sorted(tailed()) == sorted(raw_lines(folder))


@pytest.fixture
def small_disk(tmp_path):
    """A filesystem of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"Mounting is not permitted on this machine: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


FULL = {"error": "The storage at PRESENCE_DATA_DIR is full."}


def fill(receiver, ledger):
    """Deliver until the answer is no longer 200; that answer."""
    while post(receiver, ledger, 50) == 200:
        pass
    answer = receiver.post(delivery(1 << 40, 50))
    assert (answer.status, answer.json, answer.headers["Retry-After"]) == (503, FULL, "10")


def test_a_full_filesystem_and_then_room_again(small_disk, tmp_path):
    folder, ledger = small_disk / "data", Ledger()
    (small_disk / "filler").write_bytes(b"x" * 400_000)
    with Receiver(folder, tmp_path / "log") as one, ExitStack() as stack:
        post(one, ledger, 50)
        tailed = stack.enter_context(tailing(folder, tmp_path / "tailed"))
        fill(one, ledger)
        (small_disk / "filler").unlink()
        assert [post(one, ledger, 50) for _ in range(3)] == [200] * 3
        found = account(ledger, folder)
        assert found.wrong == (0, 0, 0, 0) and found.lines == found.accepted
        wait_until(lambda: len(tailed()) >= found.lines, what="tail to print all")
        assert tailed() == raw_lines(folder)


def let_grow(one, size):
    for worker in one.workers():
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_file_that_may_not_grow_and_then_may(start):
    """The write itself fails, halfway: what it wrote is taken back.

    One worker, whose answer says that it has started: one that starts under the limit would close the file before it.
    """
    ledger = Ledger()
    one = start(workers=1)
    let_grow(one, 100_000)
    fill(one, ledger)
    let_grow(one, resource.RLIM_INFINITY)
    assert [post(one, ledger, 50) for _ in range(3)] == [200] * 3
    found = account(ledger, one.folder)
    assert found.wrong == (0, 0, 0, 0) and found.lines == found.accepted


@pytest.mark.parametrize("seconds", [2, pytest.param(20, marks=SLOW)])
def test_two_hundred_slow_senders_hold_up_nobody(seconds, start):
    one = start()
    with slow_senders(one, 200):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            assert one.post(delivery(1, 3)).status == 200
            assert time.monotonic() - began < 1


@SLOW
def test_a_request_that_is_not_complete_after_a_minute_is_cut_off(start):
    """Whatever drips in meanwhile. Of an authenticated body, what came is kept."""
    one = start()
    began = time.monotonic()
    with slow_senders(one, 6) as connections:
        for connection in connections:
            connection.settimeout(90)
        answers = [read_answer(connection) for connection in connections[2::3]]
        assert 58 < time.monotonic() - began < 70
        assert [connection.recv(1) for connection in connections[1::3]] == [b"", b""]
        assert time.monotonic() - began < 70
        assert one.request("POST", "/presence", delivery(1, 3), AUTHORIZED).status == 200
    assert [answer.status for answer in answers] == [400] * 2
    lines, torn = whole_lines(one.folder, "rejected")
    assert torn == 0 and [line["body"][:5] for line in lines] == ["[{xxx"] * 2
