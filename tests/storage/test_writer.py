import datetime
import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from presence_receiver import config
from presence_receiver.errors import StorageError
from presence_receiver.storage import active_file
from presence_receiver.storage.writer import Writer

HERE = Path(__file__).parent
HOUR = datetime.timedelta(hours=1)


def new_writer(folder, **settings):
    values = {f"PRESENCE_{name}": value for name, value in settings.items()}
    return Writer(config.load({"PRESENCE_SECRET": "12345", "PRESENCE_DATA_DIR": str(folder), **values}))


def line(text, moment=None):
    moment = moment or datetime.datetime.now(datetime.UTC)
    return f'{{"receivedAt":"{moment:%Y-%m-%dT%H:%M:%S.%fZ}","text":"{text}"}}\n'.encode()


def closed(folder, stem="presence"):
    return sorted(folder.glob(f"{stem}-*.jsonl"))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def cached_bytes(path):
    return int(subprocess.run(
        ["fincore", "--bytes", "--noheadings", "--output", "RES", path], check=True, capture_output=True,
    ).stdout)


@pytest.fixture
def evicting(tmp_path):
    """Skip where the kernel keeps every file in memory, as in a tmpfs, or nothing tells."""
    probe = tmp_path / "probe"
    with open(probe, "wb") as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
        getattr(os, "posix_fadvise", lambda *_: None)(file.fileno(), 0, 0, getattr(os, "POSIX_FADV_DONTNEED", 0))
    if not shutil.which("fincore") or cached_bytes(probe):
        pytest.skip("Taking files out of the cache is not permitted on this machine, or fincore is missing.")


@pytest.mark.usefixtures("evicting")
def test_what_was_written_does_not_fill_the_kernel_s_cache(tmp_path):
    writer = new_writer(tmp_path / "data")
    batch = b"".join(line(f"{number:0200}") for number in range(1000))
    for _ in range(20):
        writer.append(batch, b"")
    assert cached_bytes(tmp_path / "data" / "presence.jsonl") < 2 * len(batch)


def test_nothing_is_opened_before_the_first_line(tmp_path):
    writer = new_writer(tmp_path / "data")
    writer.append(b"", b"")
    assert not (tmp_path / "data").exists()


def test_lines_and_rejected_lines_go_to_their_files(tmp_path):
    writer = new_writer(tmp_path / "data")
    writer.append(line("a"), line("b"))
    writer.append(line("c"), b"")
    found = contents(tmp_path / "data")
    assert [found["presence.jsonl"].count(b"\n"), found["rejected.jsonl"].count(b"\n")] == [2, 1]


def test_files_are_for_the_owner_and_the_group_alone(tmp_path):
    new_writer(tmp_path / "data").append(line("a"), line("b"))
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o750
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()} == {
        "presence.jsonl": 0o640, "rejected.jsonl": 0o640, ".presence.lock": 0o600,
    }


def test_a_lock_file_that_others_could_open_is_closed_to_them(tmp_path):
    (tmp_path / ".presence.lock").touch(0o666)
    new_writer(tmp_path).append(line("a"), b"")
    assert (tmp_path / ".presence.lock").stat().st_mode & 0o777 == 0o600


def test_a_full_file_is_closed_between_batches(tmp_path):
    batch = line("a") + line("b")
    writer = new_writer(tmp_path, ROTATE_BYTES=2 * len(batch))
    for _ in range(5):
        writer.append(batch, b"")
    assert [path.stat().st_size for path in closed(tmp_path)] == [2 * len(batch)] * 2
    assert (tmp_path / "presence.jsonl").stat().st_size == len(batch)


def test_a_batch_larger_than_a_file_is_not_split(tmp_path):
    writer = new_writer(tmp_path, ROTATE_BYTES=10)
    writer.append(line("a") * 3, b"")
    writer.append(line("b"), b"")
    assert [path.read_bytes().count(b"\n") for path in closed(tmp_path)] == [3]


def test_age_counts_from_the_first_line_and_survives_a_restart(tmp_path):
    old = datetime.datetime.now(datetime.UTC) - 2 * HOUR
    new_writer(tmp_path, ROTATE_SECONDS=3 * 3600).append(line("a", old), b"")
    new_writer(tmp_path, ROTATE_SECONDS=3 * 3600).append(line("b"), b"")
    assert closed(tmp_path) == []
    new_writer(tmp_path, ROTATE_SECONDS=3600).append(line("c"), b"")
    assert [path.read_bytes().count(b"\n") for path in closed(tmp_path)] == [2]


@pytest.mark.parametrize("tail", [b'{"receivedAt":"2026', b"x", b"\0" * 5000])
def test_a_torn_tail_goes_to_the_rejected_file_and_not_to_the_next_line(tmp_path, tail):
    first, second = line("a"), line("b")
    (tmp_path / "presence.jsonl").write_bytes(first + tail)
    new_writer(tmp_path).append(second, b"")
    assert (tmp_path / "presence.jsonl").read_bytes() == first + second
    (aside,) = (tmp_path / "rejected.jsonl").read_bytes().splitlines()
    assert b'"errors":{"_schema":["Half a line, left by a crash or a power cut."]}' in aside


def test_a_torn_tail_of_the_rejected_file_becomes_a_rejected_line(tmp_path):
    (tmp_path / "rejected.jsonl").write_bytes(line("a") + b'{"half')
    new_writer(tmp_path).append(b"", line("b"))
    found = (tmp_path / "rejected.jsonl").read_bytes().splitlines(keepends=True)
    assert [b'"text":"a"' in found[0], b'"body":"{\\"half"' in found[1], b'"text":"b"' in found[2]] == [True] * 3


def test_a_tail_torn_meanwhile_by_another_process_is_noticed(tmp_path):
    writer = new_writer(tmp_path)
    writer.append(line("a"), b"")
    with open(tmp_path / "presence.jsonl", "ab") as file:
        file.write(b"half")
    writer.append(line("b"), b"")
    assert b"half" not in (tmp_path / "presence.jsonl").read_bytes()


def test_a_file_that_logrotate_moved_away_is_let_go(tmp_path):
    writer = new_writer(tmp_path)
    writer.append(line("a"), b"")
    (tmp_path / "presence.jsonl").rename(tmp_path / "elsewhere")
    writer.append(line("b"), b"")
    assert [(tmp_path / name).read_bytes().count(b"\n") for name in ("elsewhere", "presence.jsonl")] == [1, 1]


def test_a_folder_deleted_with_its_lock_is_made_again(tmp_path):
    writer, other = new_writer(tmp_path / "data"), new_writer(tmp_path / "data")
    writer.append(line("a"), b"")
    for path in (tmp_path / "data").iterdir():
        path.unlink()
    (tmp_path / "data").rmdir()
    other.append(line("b"), b"")
    writer.append(line("c"), b"")
    assert (tmp_path / "data" / "presence.jsonl").read_bytes().count(b"\n") == 2


APPEND_UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_writer import line, new_writer
from presence_receiver.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))
writer = new_writer(Path(sys.argv[1]))
writer.append(line("a"), line("b"))
try:
    writer.append(line("x" * 500), line("y"))
except StorageError as error:
    print(error, error.kind)
writer.append(line("c"), b"")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # coverage writes at the end
"""


def test_a_batch_that_does_not_fit_leaves_no_byte_in_either_file(tmp_path):
    ran = subprocess.run([sys.executable, "-c", APPEND_UNDER_A_LIMIT, tmp_path, HERE], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("The storage at PRESENCE_DATA_DIR is full. full\n", "")
    assert {name: text.count(b"\n") for name, text in contents(tmp_path).items()} == {
        "presence.jsonl": 2, "rejected.jsonl": 1,
    }


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="The storage at PRESENCE_DATA_DIR failed."):
        new_writer(tmp_path / "file" / "data").append(line("a"), b"")


class FailingFile(active_file.LineFile):
    """A line file whose sync fails once, as a broken disk's does."""

    def sync(self):
        if not getattr(self, "has_failed", False):
            self.has_failed = True
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync()


def test_after_a_failed_sync_the_file_is_never_written_to_again(tmp_path):
    writer = new_writer(tmp_path)
    first, last = line("a"), line("d")
    writer.append(first, b"")
    writer._accepted.__class__ = FailingFile
    with pytest.raises(StorageError) as error:
        writer.append(line("b"), line("c"))
    assert error.value.kind == "input/output"
    writer.append(last, b"")
    (damaged,) = closed(tmp_path)
    assert contents(tmp_path) == {damaged.name: first, "presence.jsonl": last}


def test_threads_share_commits_and_lose_nothing(tmp_path):
    writer = new_writer(tmp_path, ROTATE_BYTES=2000)

    def append(name):
        for number in range(40):
            writer.append(line(f"{name}-{number}-a") + line(f"{name}-{number}-b"), b"")

    threads = [threading.Thread(target=append, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    files = [*closed(tmp_path), tmp_path / "presence.jsonl"]
    texts = [text.split(b'"')[-2] for file in files for text in file.read_bytes().splitlines()]
    assert sorted(texts) == sorted(f"{n}-{k}-{c}".encode() for n in range(8) for k in range(40) for c in "ab")
