"""States that were for ever once: odd files, held locks, no inodes, FIFOs, metrics without room; each under load."""
import fcntl
import os
import shutil
import time
from contextlib import contextmanager

import pytest
import requests
from accounting import account
from reading import paths
from running import Receiver, wait_until
from sending import Ledger, Load
from system.faults.test_storage import fill, mounted

LINE = b'{"receivedAt":"%s","clientMac":"%012X","seenEpoch":0}\n'
AT_THE_END = [b"\0" * 5_000, b'{"half', LINE[:-1] % (b"2026-11-22", 0)]
AT_THE_START = [b"no text \xff\xfe\n", b"no text\n\0\n", b"[]\n"]


@contextmanager
def held(folder):
    descriptor = os.open(folder / ".presence.lock", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def more(ledger, count=50, status=200):
    """Wait for so many more answers of that status."""
    enough = len(ledger.numbers(status)) + count
    wait_until(lambda: len(ledger.numbers(status)) >= enough, what=f"{count} answers {status}")


def never_500(ledger, one):
    assert set(ledger.statuses.values()) <= {200, 503, None}
    assert "Traceback" not in one.text()


def closed_away(folder, index):
    """As logrotate does it; under the lock, so that what comes next finds the place empty."""
    (folder / "presence.jsonl").rename(folder / f"presence-20260101T{index:06}.000000Z.jsonl")


def odd(ledger, index):
    """What makes a file odd, wherever it stands or in its first line; the whole line in it nobody sent, it may stay."""
    number, _ = ledger.next(1)
    without_a_zone = LINE % (b"2026-11-22T20:15:00", number)
    return AT_THE_START[index % 3] + without_a_zone if index % 2 else AT_THE_END[index % 3]


def test_odd_content(start, note, long):
    one, ledger = start(ROTATE_BYTES=200_000), Ledger()
    with Load(one, ledger):
        for index in range(long(10, 50)):
            more(ledger)
            with held(one.folder):
                if index % 2:
                    closed_away(one.folder, index)
                with (one.folder / "presence.jsonl").open("ab") as file:
                    file.write(odd(ledger, index))
                (one.folder / ".replay.journal").write_bytes([b"", b"{}", b"\xff"][index % 3])
        more(ledger)
    wait_until(lambda: not [*one.folder.glob(".odd-*")], what="the odd files to be taken apart")
    never_500(ledger, one)
    note(f"Odd files and journals ({long(10, 50)})", account(ledger, one.folder))


def test_a_lock_held_for_long(start, note, long):
    one, ledger = start(), Ledger()
    with Load(one, ledger, senders=16):
        for _ in range(long(2, 20)):
            more(ledger)
            with held(one.folder):
                more(ledger, 16, status=503)
        more(ledger)
    never_500(ledger, one)
    note(f"The lock held by another for more than 5 s ({long(2, 20)})", account(ledger, one.folder))


def test_inodes_exhausted(tmp_path, note):
    ledger, disk = Ledger(), tmp_path / "disk"
    options = ("-t", "tmpfs", "-o", "size=64m,nr_inodes=40")
    with mounted("tmpfs", disk, *options), Receiver(disk / "data", tmp_path / "log", ROTATE_BYTES=5_000,
                                                    COMPRESS="none") as one:
        with Load(one, ledger):
            wait_until(lambda: len(paths(one.folder)) > 25, what="files to be closed")
            more(ledger, 500)
        assert ledger.numbers(503) == []
        note("No inodes left", account(ledger, one.folder))


@pytest.mark.parametrize("what", ["FIFO", "link"])
def test_in_the_place_of_the_active_file(what, start, note, long, tmp_path):
    one, ledger = start(), Ledger()
    (tmp_path / "elsewhere").write_bytes(b"mine")
    with Load(one, ledger):
        for index in range(long(5, 50)):
            more(ledger)
            with held(one.folder):
                closed_away(one.folder, index)
                path = one.folder / "presence.jsonl"
                os.mkfifo(path) if what == "FIFO" else path.symlink_to(tmp_path / "elsewhere")
        more(ledger)
    never_500(ledger, one)
    assert (tmp_path / "elsewhere").read_bytes() == b"mine" and ledger.numbers(503) == []
    note(f"A {what} in the active file's place ({long(5, 50)})", account(ledger, one.folder))


def test_metrics_deleted_and_without_room(tmp_path, note):
    ledger, disk = Ledger(), tmp_path / "disk"
    settings = {"variables": {"TMPDIR": str(disk)}, "METRICS_TOKEN": "token-of-metrics"}
    with mounted("tmpfs", disk, "-t", "tmpfs", "-o", "size=1m"), \
            Receiver(tmp_path / "data", tmp_path / "log", **settings) as one:
        workers = one.workers()
        with Load(one, ledger):
            for _ in range(3):
                more(ledger)
                for folder in disk.glob("presence-metrics-*"):
                    shutil.rmtree(folder.rename(disk / "cleaned"))  # nothing is made in it meanwhile
                fill(disk / "ballast")
                end = time.monotonic() + 2
                while time.monotonic() < end:
                    assert requests.get(f"http://127.0.0.1:{one.port}/metrics", timeout=10, headers={
                        "Authorization": "Bearer token-of-metrics"}).status_code == 200
                (disk / "ballast").unlink()
        assert one.workers() == workers or not workers
        never_500(ledger, one)
        note("The folder of metrics deleted and full (3)", account(ledger, one.folder))
