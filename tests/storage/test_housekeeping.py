import datetime
import errno
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from crash_points import stopped_after
from running import wait_until

from presence_receiver import config
from presence_receiver.storage import compression
from presence_receiver.storage.file_lock import FileLock
from presence_receiver.storage.housekeeping import Housekeeping, housekeeping_lock
from presence_receiver.storage.writer import Writer

LONG_AGO = "2020-01-01T00:00:00.000000Z"
OLD, NEW = "presence-20261101T000000.000000Z.jsonl", "presence-20261102T000000.000000Z.jsonl"


def settings(folder, **values):
    values = {f"PRESENCE_{name}": value for name, value in values.items()}
    return config.load({"PRESENCE_SECRET": "12345", "PRESENCE_DATA_DIR": str(folder)} | values)


def house(folder, **values):
    return Housekeeping(settings(folder, **values))


def line(number=0, received_at=LONG_AGO):
    return json.dumps({"receivedAt": received_at, "number": number}, separators=(",", ":")).encode() + b"\n"


def now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def visible(folder):
    """Every file's content, unzipped; closed names of our own time without the time."""
    return {
        re.sub(r"-(?!2026110)\d{8}T\d{6}\.\d{6}Z", "-T", path.name): gzip.decompress(path.read_bytes())
        if path.suffix == ".gz" else path.read_bytes()
        for path in folder.iterdir() if not path.name.startswith(".")
    }


def hidden(folder):
    return {name for name in os.listdir(folder) if name.startswith(".")}


LOCKS = {".presence.lock", ".housekeeping.lock"}


def test_an_old_file_is_closed_though_no_delivery_comes_and_an_empty_one_never(tmp_path):
    Writer(settings(tmp_path)).append(line(), b"")
    house(tmp_path, COMPRESS="none").run_round()
    assert visible(tmp_path) == {"presence-T.jsonl": line(), "presence.jsonl": b""}
    house(tmp_path, COMPRESS="none").run_round()
    assert visible(tmp_path) == {"presence-T.jsonl": line(), "presence.jsonl": b""}


def test_a_young_file_is_left_open(tmp_path):
    young = line(received_at=now())
    Writer(settings(tmp_path)).append(young, young)
    house(tmp_path).run_round()
    assert visible(tmp_path) == {"presence.jsonl": young, "rejected.jsonl": young}


def test_a_torn_tail_is_moved_aside_before_the_file_is_closed(tmp_path):
    (tmp_path / "presence.jsonl").write_bytes(line() + b'{"half')
    house(tmp_path, COMPRESS="none").run_round()
    files = visible(tmp_path)
    assert files["presence-T.jsonl"] == line()
    assert json.loads(files["rejected.jsonl"])["body"] == '{"half'


def test_closing_waits_for_no_folder_and_makes_none(tmp_path):
    house(tmp_path / "data").run_round()
    assert list(tmp_path.iterdir()) == []


def test_a_round_in_an_empty_folder_opens_no_file_of_lines(tmp_path):
    house(tmp_path).run_round()
    assert visible(tmp_path) == {}


def test_closed_files_are_compressed_and_the_active_is_not(tmp_path):
    for name in (OLD, NEW, "rejected-20261101T000000.000000Z.jsonl"):
        (tmp_path / name).write_bytes(line(1) * 1000)
    (tmp_path / "presence.jsonl").write_bytes(young := line(received_at=now()))
    (tmp_path / "notes-20261101.jsonl").write_bytes(b"mine")
    house(tmp_path).run_round()
    assert visible(tmp_path) == {
        f"{OLD}.gz": line(1) * 1000, f"{NEW}.gz": line(1) * 1000,
        "rejected-20261101T000000.000000Z.jsonl.gz": line(1) * 1000,
        "presence.jsonl": young, "notes-20261101.jsonl": b"mine",
    }
    assert hidden(tmp_path) == LOCKS
    assert (tmp_path / f"{OLD}.gz").stat().st_mode & 0o777 == 0o640


def test_without_compression_closed_files_stay_plain(tmp_path):
    (tmp_path / OLD).write_bytes(line())
    house(tmp_path, COMPRESS="none").run_round()
    assert visible(tmp_path) == {OLD: line()}


@pytest.mark.parametrize("how", ["gzip", "none"])
def test_a_plain_file_beside_its_compressed_copy_is_removed_once_the_copy_is_whole(tmp_path, how):
    (tmp_path / OLD).write_bytes(line(1) * 100)
    (tmp_path / f"{OLD}.gz").write_bytes(gzip.compress(line(1) * 100)[:-9])
    house(tmp_path, COMPRESS=how).run_round()
    assert visible(tmp_path) == {f"{OLD}.gz": line(1) * 100}


def test_what_an_interrupted_compression_left_is_removed(tmp_path):
    (tmp_path / f".{OLD}.gz.tmp").write_bytes(b"half")
    (tmp_path / ".mine").write_bytes(b"")
    house(tmp_path).run_round()
    assert hidden(tmp_path) == {".housekeeping.lock", ".mine"}


def test_stopped_after_any_call_compression_is_finished_by_the_next_round(tmp_path):
    content = b"".join(line(number) for number in range(1000))
    for count in range(1, 100):
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / OLD).write_bytes(content)
        is_cut_off = stopped_after(count, ("open", "rename", "unlink", "fsync"), house(folder).run_round)
        assert set(visible(folder).values()) == {content}
        house(folder).run_round()
        assert visible(folder) == {f"{OLD}.gz": content}
        assert hidden(folder) == {".housekeeping.lock"}
        if not is_cut_off:
            break
    assert count == 9


ROUND = """
import sys
from presence_receiver import config
from presence_receiver.storage.housekeeping import Housekeeping
settings = config.load({"PRESENCE_SECRET": "12345", "PRESENCE_DATA_DIR": sys.argv[1]})
Housekeeping(settings).run_round()
"""


@pytest.mark.slow
def test_killed_in_the_middle_again_and_again_nothing_is_lost(tmp_path):
    content = b"".join(line(number) for number in range(400_000))
    (tmp_path / OLD).write_bytes(content)
    for delay in (0.25, 0.3, 0.35, 0.4, 0.5):
        process = subprocess.Popen([sys.executable, "-c", ROUND, str(tmp_path)])
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert content in visible(tmp_path).values()
    house(tmp_path).run_round()
    assert visible(tmp_path) == {f"{OLD}.gz": content}
    assert hidden(tmp_path) == {".housekeeping.lock"}


def test_one_process_at_a_time_keeps_house(tmp_path):
    (tmp_path / OLD).write_bytes(line())
    with housekeeping_lock(tmp_path).held():
        house(tmp_path).run_round()
        assert visible(tmp_path) == {OLD: line()}
    house(tmp_path).run_round()
    assert visible(tmp_path) == {f"{OLD}.gz": line()}


def test_lines_are_appended_while_a_file_is_compressed(tmp_path, monkeypatch):
    (tmp_path / OLD).write_bytes(line())
    writer = Writer(settings(tmp_path))
    monkeypatch.setattr(compression, "compress", lambda path: writer.append(line(7, now()), b""))
    house(tmp_path).run_round()
    assert json.loads((tmp_path / "presence.jsonl").read_bytes())["number"] == 7


def test_a_full_disk_leaves_the_plain_file_and_nothing_else(tmp_path, monkeypatch, caplog):
    (tmp_path / OLD).write_bytes(line())

    def fail(source, sink, size):
        sink.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compression.shutil, "copyfileobj", fail)
    keeper = house(tmp_path)
    keeper.run_round()
    keeper.run_round()
    assert visible(tmp_path) == {OLD: line()}
    assert hidden(tmp_path) == {".housekeeping.lock"}
    assert caplog.messages == [
        "Files could not be closed, compressed or deleted: The storage at PRESENCE_DATA_DIR is full."
    ]


def test_nothing_is_compressed_where_there_is_hardly_room(tmp_path, monkeypatch):
    (tmp_path / OLD).write_bytes(line() * 1000)
    real = os.statvfs(tmp_path)
    tight = os.statvfs_result([*real[:4], 1, *real[5:]])
    monkeypatch.setattr(os, "statvfs", lambda path: tight)
    house(tmp_path).run_round()
    assert visible(tmp_path) == {OLD: line() * 1000}


def test_one_bad_file_does_not_keep_the_others_from_compression_and_deletion(tmp_path, caplog):
    (tmp_path / OLD).mkdir()
    (tmp_path / NEW).write_bytes(line())
    (tmp_path / "rejected-20261101T000000.000000Z.jsonl").write_bytes(line())
    (tmp_path / "rejected-20261102T000000.000000Z.jsonl").write_bytes(line(2))
    house(tmp_path, KEEP_FILES=1).run_round()
    assert sorted(os.listdir(tmp_path)) == [
        ".housekeeping.lock", OLD, f"{NEW}.gz", "rejected-20261102T000000.000000Z.jsonl.gz",
    ]
    assert len(caplog.messages) == 1


def test_surplus_is_deleted_and_by_default_nothing_is(tmp_path):
    for name in (OLD, NEW):
        (tmp_path / name).write_bytes(line())
    (tmp_path / "presence.jsonl").write_bytes(young := line(received_at=now()))
    house(tmp_path).run_round()
    rest = {"presence.jsonl": young, f"{NEW}.gz": line()}
    assert visible(tmp_path) == rest | {f"{OLD}.gz": line()}
    house(tmp_path, KEEP_FILES=1).run_round()
    assert visible(tmp_path) == rest
    house(tmp_path, KEEP_BYTES=1).run_round()
    assert visible(tmp_path) == {"presence.jsonl": young}


def test_other_files_in_the_folder_are_none_of_our_business(tmp_path, caplog):
    (tmp_path / OLD).write_bytes(line())
    (tmp_path / "latest").symlink_to(tmp_path / "gone")
    (tmp_path / "presence-notes").mkdir()
    house(tmp_path, KEEP_BYTES=1).run_round()
    assert sorted(os.listdir(tmp_path)) == [".housekeeping.lock", "latest", "presence-notes"]
    assert caplog.messages == []


def test_bytes_are_counted_compressed(tmp_path):
    for name in (OLD, NEW):
        (tmp_path / name).write_bytes(line() * 1000)
    house(tmp_path, KEEP_BYTES=10_000).run_round()
    assert set(visible(tmp_path)) == {f"{OLD}.gz", f"{NEW}.gz"}


def test_a_clock_set_forward_by_a_day_deletes_nothing_too_early(tmp_path, monkeypatch):
    closed = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=36)
    name = f"presence-{closed.strftime('%Y%m%dT%H%M%S.%fZ')}.jsonl.gz"
    (tmp_path / name).write_bytes(gzip.compress(line()))
    real = time.time
    clock = {"ahead": 0}
    monkeypatch.setattr(time, "time", lambda: real() + clock["ahead"])
    keeper = house(tmp_path, KEEP_DAYS=2)
    clock["ahead"] = 86_400
    keeper.run_round()
    assert set(visible(tmp_path)) == {"presence-T.jsonl.gz"}
    house(tmp_path, KEEP_DAYS=1).run_round()
    assert visible(tmp_path) == {}


def test_starting_twice_in_a_process_starts_one_thread_that_does_a_round_at_once(tmp_path):
    (tmp_path / OLD).write_bytes(line())
    keeper = house(tmp_path)
    before = set(threading.enumerate())
    keeper.start()
    keeper.start()
    assert len(set(threading.enumerate()) - before) == 1
    wait_until(lambda: not (tmp_path / OLD).exists())
    assert visible(tmp_path) == {f"{OLD}.gz": line()}


@pytest.fixture
def serve(tmp_path):
    """Starts gunicorn with a worker class; what is still running at the end of the test is killed."""
    started = []

    def serve(worker):
        command = [sys.executable, "-m", "gunicorn", "--config", "python:presence_receiver.server.config",
                   "--bind", f"unix:{tmp_path / 'socket'}", "--worker-class", worker, "wsgi:app"]
        environment = os.environ | {"PRESENCE_SECRET": "12345", "PRESENCE_DATA_DIR": str(tmp_path)}
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, start_new_session=True))
        return started[-1]

    yield serve
    for server in started:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["presence_receiver.server.worker.HttpWorker", "gthread"])
def test_gunicorn_keeps_house_from_the_start_and_stops_though_it_is_at_it(tmp_path, serve, worker):
    (tmp_path / OLD).write_bytes(b"".join(line(number) for number in range(1_000_000)))
    server = serve(worker)
    wait_until(lambda: any(name.endswith(".tmp") for name in hidden(tmp_path)))
    began = time.monotonic()
    server.terminate()
    assert server.wait() == 0
    assert time.monotonic() - began < 5
    assert (tmp_path / OLD).exists() or (tmp_path / f"{OLD}.gz").exists()
    serve(worker)
    wait_until(lambda: not (tmp_path / OLD).exists())
    assert gzip.decompress((tmp_path / f"{OLD}.gz").read_bytes()).count(b"\n") == 1_000_000


@pytest.mark.parametrize("name", [".replay.draft", ".presence.jsonl.next", ".rejected.jsonl.next"])
def test_what_is_made_under_the_writers_lock_is_a_left_over_only_when_that_is_free(tmp_path, name):
    with FileLock(tmp_path / ".presence.lock").held():
        (tmp_path / name).touch()
        house(tmp_path).run_round()
        assert hidden(tmp_path) == {name, *LOCKS}
    house(tmp_path).run_round()
    assert hidden(tmp_path) == LOCKS


def test_what_is_gone_before_it_is_swept_is_no_fault(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(os, "listdir", lambda folder: [".replay.draft", f".{OLD}.gz.tmp"])
    house(tmp_path)._sweep()
    assert caplog.messages == []
