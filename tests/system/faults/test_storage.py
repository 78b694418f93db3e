"""Storage that fails and comes back, or changes under a running receiver."""
import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress

import pytest
from accounting import Account, account, torn_lines, whole_lines
from processes import opened
from reading import content, contents, paths
from running import Receiver, wait_until
from sending import Ledger, Load, delivery, post

from presence_receiver import config
from presence_receiver.errors import StorageError
from presence_receiver.storage import Writer

NONE = 1 << 40
"""The number of a delivery that must not be kept."""


def refused(receiver, words):
    """Deliver what cannot be stored; it leaves no line."""
    found = receiver.post(delivery(NONE, 3))
    sentence = {"error": f"The storage at PRESENCE_DATA_DIR {words}."}
    assert (found.status, found.json, found.headers["Retry-After"]) == (503, sentence, "10")


def run(*command):
    """A command that the machine may not permit; the test is skipped then."""
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        pytest.skip(f"{command[0]} is not permitted on this machine: {ran.stderr.strip()}")
    return ran.stdout.strip()


@contextmanager
def mounted(image, folder, *options):
    """The image's filesystem at the folder; unmounted by force where the test has failed."""
    folder.mkdir(exist_ok=True)
    run("mount", *options, image, folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def some(receiver, ledger, count=5, size=3):
    """Deliveries of which each is answered with 200, in several workers."""
    assert [post(receiver, ledger, size) for _ in range(count)] == [200] * count


def fill(path):
    """Take what room there is."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass


def test_full_and_then_freed_under_load(tmp_path, note, long):
    ledger, disk = Ledger(), tmp_path / "disk"
    with mounted("tmpfs", disk, "-t", "tmpfs", "-o", "size=64m"), \
            Receiver(disk / "data", tmp_path / "log", ROTATE_BYTES=200_000) as one:
        with Load(one, ledger, size=lambda: 20):
            for _ in range(long(2, 20)):
                before = len(ledger.numbers(503))
                fill(disk / "filler")
                wait_until(lambda: len(ledger.numbers(503)) > before + 100, what="refusals")
                (disk / "filler").unlink()
                accepted = len(ledger.numbers(200))
                wait_until(lambda: len(ledger.numbers(200)) > accepted + 100, what="deliveries to go on")
        note("Filesystem full, then freed", account(ledger, one.folder))


def open_files(one):
    """What the workers have open in the data folder."""
    found = [name for worker in one.workers() for name in opened(worker)]
    return {name.removeprefix(f"{one.folder}/") for name in found if name.startswith(str(one.folder))}


def test_freed_space_is_free_at_once_though_workers_are_idle(tmp_path, note):
    """Deleting a file gives its room back: no worker holds one that is replaced."""
    found, disk = Account(0, 0, 0, 0, 0, 0, 0), tmp_path / "disk"
    with mounted("tmpfs", disk, "-t", "tmpfs", "-o", "size=32m"), Receiver(disk / "data", tmp_path / "log") as one:
        wait_until(lambda: len(one.workers()) == 2, what="both workers")
        for _ in range(12):
            some(one, Ledger(), 12, size=1_000)
            fill(disk / "filler")
            refused(one, "is full")
            (one.folder / "presence.jsonl").unlink()
            assert open_files(one) <= {".presence.lock", ".housekeeping.lock"}
            ledger = Ledger()
            some(one, ledger, 1, size=1_000)
            found = Account(*map(sum, zip(found, account(ledger, one.folder))))
            (disk / "filler").unlink()
        note("Filesystem full, its largest file deleted (12)", found)


def test_half_a_rejected_line_outlives_a_full_filesystem(tmp_path):
    """What a crash left torn is cut off only when there is room for the line that keeps it."""
    disk, half = tmp_path / "disk", b'{"receivedAt":"half a line'
    with mounted("tmpfs", disk, "-t", "tmpfs", "-o", "size=1m"):
        (disk / "data").mkdir()
        (disk / "data" / "rejected.jsonl").write_bytes(half)
        writer = Writer(config.load({"PRESENCE_DATA_DIR": str(disk / "data")}, needs_secret=False))
        fill(disk / "filler")
        with pytest.raises(StorageError, match="is full"):
            writer.append(b"", b"{}\n")
        assert (disk / "data" / "rejected.jsonl").read_bytes() == half
        (disk / "filler").unlink()
        writer.append(b"", b"{}\n")
        assert json.loads((disk / "data" / "rejected.jsonl").read_bytes().splitlines()[0])["body"] == half.decode()


@contextmanager
def immutable(*files):
    run("chattr", "+i", *files)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


def test_immutable_and_then_well_again(start, note):
    one, ledger = start(), Ledger()
    some(one, ledger)
    with immutable(one.folder / "presence.jsonl"):
        refused(one, "does not let us write")
    some(one, ledger)
    (one.folder / "presence.jsonl").rename(one.folder / "presence-20260101T000000.000000Z.jsonl")
    with immutable(one.folder):
        refused(one, "does not let us write")
    some(one, ledger)
    note("Data directory immutable, then not", account(ledger, one.folder))


@pytest.fixture
def image(tmp_path):
    """An ext4 filesystem in a file."""
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(32 << 20)
    run("mkfs.ext4", "-q", path)
    return path


def abort(image):
    """As the kernel does it on a broken disk: from now on the filesystem is read-only."""
    device = run("losetup", "-n", "-O", "NAME", "-j", image).rsplit("/")[-1]
    with suppress(OSError):
        with open(f"/sys/fs/ext4/{device}/trigger_fs_error", "w") as trigger:
            trigger.write("1")


def test_aborted_to_read_only_and_then_well_again(image, tmp_path, note):
    ledger, disk = Ledger(), tmp_path / "disk"
    with mounted(image, disk, "-o", "loop,errors=remount-ro"), Receiver(disk / "data", tmp_path / "log") as one:
        some(one, ledger)
        abort(image)
        wait_until(lambda: one.post(delivery(NONE, 3)).status == 503, what="a refusal")
        refused(one, "is read-only")
    assert subprocess.run(["e2fsck", "-fy", image], capture_output=True).returncode in (0, 1)
    with mounted(image, disk, "-o", "loop"), Receiver(disk / "data", tmp_path / "log") as one:
        some(one, ledger)
        note("Filesystem aborted to read-only, then repaired", account(ledger, one.folder))


def test_deleted_under_load(start, note, long):
    """What was deleted is gone; all else is whole, and what comes later is there."""
    one, before, after = start(ROTATE_BYTES=200_000), Ledger(), Ledger()
    for _ in range(long(3, 30)):
        with Load(one, before):
            enough = len(before.numbers(200)) + 100
            wait_until(lambda: len(before.numbers(200)) > enough, what="deliveries")
            shutil.rmtree(one.folder, ignore_errors=True)
            enough = len(before.numbers(200)) + 100
            wait_until(lambda: len(before.numbers(200)) > enough, what="deliveries to go on")
        assert set(before.statuses.values()) <= {200, 503}
    assert whole_lines(one.folder)[1] == torn_lines(one.folder, "rejected") == 0
    wait_until(lambda: not remove(one.folder), what="the folder to be gone")
    with Load(one, after, count=500) as load:
        load.join()
    note("Data directory deleted under load", account(after, one.folder))


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
    return folder.exists()


def moved_away(folder, index):
    """What logrotate's `create` does."""
    with suppress(FileNotFoundError):
        (folder / "presence.jsonl").rename(folder / f"presence-20260101T{index:06}.000000Z.jsonl")
        os.close(os.open(folder / "presence.jsonl", os.O_CREAT, 0o640))


def test_logrotate_in_create_mode(start, note, long):
    one, ledger = start(COMPRESS="none"), Ledger()
    with Load(one, ledger):
        for index in range(long(20, 200)):
            enough = len(ledger.numbers(200)) + 20
            wait_until(lambda: len(ledger.numbers(200)) > enough, what="deliveries")
            moved_away(one.folder, index)
    assert len(paths(one.folder)) > 20
    note("logrotate, create", account(ledger, one.folder))


def copied_and_truncated(folder, index):
    """What logrotate's `copytruncate` does."""
    path = folder / "presence.jsonl"
    shutil.copyfile(path, folder / f"copy-{index}")
    os.truncate(path, 0)


def test_logrotate_with_copytruncate(start, note, long):
    """It loses lines by its own design, those that come between its two steps; no line is torn."""
    one, ledger = start(), Ledger()
    with Load(one, ledger):
        for index in range(long(20, 200)):
            enough = len(ledger.numbers(200)) + 20
            wait_until(lambda: len(ledger.numbers(200)) > enough, what="deliveries")
            copied_and_truncated(one.folder, index)
    assert not any(b"\0" in text for text in contents(one.folder))
    copies = [line for path in one.folder.glob("copy-*") for line in content(path).splitlines(keepends=True)]
    found = account(ledger, one.folder)
    count = found.lines + len(copies)
    found = found._replace(lines=count, lost=found.accepted - count)
    note("logrotate, copytruncate (loses by design)", found, loses=True)


@pytest.mark.parametrize("fault, words", [("sync", "EIO from fdatasync"), ("write", "EIO halfway through a write")])
def test_a_disk_that_breaks_at_times(fault, words, faults, start, note, long):
    one, ledger = start(workers=1, variables=faults.variables, COMPRESS="none"), Ledger()
    for turn in range(1, long(3, 50) + 1):
        some(one, ledger)
        damaged = (one.folder / "presence.jsonl").stat().st_ino
        faults.on(fault)
        refused(one, "failed")
        faults.off(fault)
        some(one, ledger)
        assert (one.folder / "presence.jsonl").stat().st_ino != damaged
        closed = paths(one.folder)[:-1]
        assert len(closed) == turn and closed[-1].stat().st_ino == damaged
    note(words, account(ledger, one.folder))


@pytest.mark.parametrize("restarts", [False, True])
def test_a_file_whose_sync_failed_is_nobody_s_though_it_cannot_be_closed(restarts, faults, start, note):
    """All workers know, and those that come later: none writes to it, each refuses until it is closed."""
    one, ledger = start(workers=3, variables=faults.variables, COMPRESS="none"), Ledger()
    some(one, ledger)
    damaged = (one.folder / "presence.jsonl").stat()
    faults.on("rename")
    faults.on("sync")
    refused(one, "failed")
    faults.off("sync")
    if restarts:
        before = one.workers()
        for process in before:
            os.kill(process, signal.SIGKILL)
        wait_until(lambda: len({*one.workers()} - {*before}) == 3, what="other workers")
    for _ in range(30):
        refused(one, "failed")
    assert (one.folder / "presence.jsonl").stat().st_size == damaged.st_size
    faults.off("rename")
    some(one, ledger)
    closed, active = paths(one.folder)
    assert (closed.stat().st_ino, closed.stat().st_size) == (damaged.st_ino, damaged.st_size)
    note("EIO from fdatasync, and from rename", account(ledger, one.folder))


@pytest.mark.parametrize("fault, words", [("sync", "EIO from fdatasync"), ("write", "EIO halfway through a write")])
def test_a_disk_that_breaks_under_load(fault, words, faults, start, note, long):
    one, ledger = start(variables=faults.variables), Ledger()
    with Load(one, ledger):
        for _ in range(long(5, 50)):
            enough = len(ledger.numbers(200)) + 50
            wait_until(lambda: len(ledger.numbers(200)) > enough, what="deliveries")
            before = len(ledger.numbers(503))
            faults.on(fault)
            wait_until(lambda: len(ledger.numbers(503)) > before + 20, what="refusals")
            faults.off(fault)
    note(f"{words}, under load", account(ledger, one.folder))
