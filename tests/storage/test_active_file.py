import datetime
import errno
import json
import os
import resource
import subprocess
import sys
import time

import pytest
from processes import opened
from reading import lines, paths, raw_lines

from presence_receiver import config
from presence_receiver.errors import StorageError
from presence_receiver.storage import odd_files
from presence_receiver.storage.housekeeping import Housekeeping
from presence_receiver.storage.writer import Writer


def settings(folder, **values):
    values = {f"PRESENCE_{name}": str(value) for name, value in values.items()}
    return config.load({"PRESENCE_SECRET": "12345678", "PRESENCE_DATA_DIR": str(folder), "PRESENCE_COMPRESS": "none"}
                       | values)


def writer(folder, **values):
    return Writer(settings(folder, **values))


def line(text):
    now = datetime.datetime.now(datetime.UTC)
    return f'{{"receivedAt":"{now:%Y-%m-%dT%H:%M:%S.%fZ}","text":"{text}"}}\n'.encode()


def odd(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".odd-"))


def open_files(folder):
    return sorted(name.removeprefix(f"{folder}/") for name in opened("self") if name.startswith(str(folder)))


def test_between_two_commits_no_file_is_open_but_the_lock(tmp_path):
    one = writer(tmp_path)
    one.append(line("a"), line("b"))
    assert open_files(tmp_path) == [".presence.lock"]


NAIVE = b'{"receivedAt":"2026-11-22T20:15:00","text":"a"}\n'


@pytest.mark.parametrize("first", [NAIVE, b'{"day":"20261122"}\n', b"{}\n"])
@pytest.mark.parametrize("stem", ["presence", "rejected"])
def test_a_file_whose_first_line_tells_no_time_is_closed_with_its_whole_lines(tmp_path, stem, first):
    good = line("b")
    (tmp_path / f"{stem}.jsonl").write_bytes(first + good)
    new = line("c")
    writer(tmp_path).append(new, new)
    assert len(odd(tmp_path)) == 1
    Housekeeping(settings(tmp_path)).run_round()
    assert (odd(tmp_path), raw_lines(tmp_path, stem)) == ([], [first, good, new])


def test_bytes_that_are_no_text_become_rejected_lines(tmp_path):
    (tmp_path / "presence.jsonl").write_bytes(b"\xff\xfe\x00\n" * 3 + line("a"))
    writer(tmp_path).append(line("b"), b"")
    Housekeeping(settings(tmp_path)).run_round()
    assert [each["text"] for each in lines(tmp_path)] == ["a", "b"]
    assert [each["bodyBase64"] for each in lines(tmp_path, "rejected")] == ["//4="] * 3


def test_one_zero_byte_costs_one_line(tmp_path):
    kept = [line(number) for number in range(10_001)]
    hurt = [*kept]
    hurt[1000] = hurt[1000].replace(b"text", b"te\0t")
    (tmp_path / "presence.jsonl").write_bytes(b"".join(hurt))
    new = line("new")
    writer(tmp_path).append(new, b"")
    assert (tmp_path / "presence.jsonl").read_bytes() == new
    Housekeeping(settings(tmp_path)).run_round()
    assert raw_lines(tmp_path) == [*kept[:1000], *kept[1001:], new]
    (rest,) = lines(tmp_path, "rejected")
    assert "te\0t" in rest["body"]


def test_what_is_no_line_becomes_rejected_lines_of_a_mebibyte(tmp_path):
    (tmp_path / "presence.jsonl").write_bytes(line("a") + b"x" * (3 << 20) + b"\n" + b"y" * (2 << 20))
    writer(tmp_path).append(line("b"), b"")
    Housekeeping(settings(tmp_path)).run_round()
    assert [each["text"] for each in lines(tmp_path)] == ["a", "b"]
    assert [len(each["body"]) for each in lines(tmp_path, "rejected")] == [1 << 20] * 3 + [1 << 20] * 2


def test_a_piece_of_a_line_is_no_line_though_it_looks_like_one(tmp_path, monkeypatch):
    monkeypatch.setattr(odd_files, "LONGEST_LINE", 10)
    (tmp_path / ".odd-presence-20261101T000000.000000Z.jsonl").write_bytes(b'{"a":1}\nxxxxxxxxxx{"b":2}\n')
    Housekeeping(settings(tmp_path)).run_round()
    assert (lines(tmp_path), len(lines(tmp_path, "rejected"))) == ([{"a": 1}], 2)


def test_taking_apart_is_done_again_after_a_crash_and_doubles_nothing(tmp_path, monkeypatch):
    (tmp_path / "presence.jsonl").write_bytes(line("a") + b"nonsense\n" + line("b") + b"\0" + line("c"))
    writer(tmp_path).append(line("d"), b"")
    real = os.unlink

    def fail(path, **options):
        if os.path.basename(path).startswith(".odd-"):
            raise OSError(errno.EIO, "cut off")
        real(path, **options)

    with monkeypatch.context() as broken:
        broken.setattr(os, "unlink", fail)
        Housekeeping(settings(tmp_path)).run_round()
    Housekeeping(settings(tmp_path)).run_round()
    assert ([each["text"] for each in lines(tmp_path)], len(lines(tmp_path, "rejected"))) == (["a", "b", "d"], 2)
    assert odd(tmp_path) == []


def noted(prepared=".replay", path="presence.jsonl", inode=1, size=1):
    return json.dumps({"prepared": prepared, "grown": [{"path": path, "inode": inode, "size": size}]}).encode()


@pytest.mark.parametrize("note", [
    b"", b"{}", b"[1]", b"\xff", b'{"prepared": 1, "grown": []}', b'{"prepared":', b"[" * 100_000, b"1" * 5_000,
    noted(prepared=""), noted(prepared="."), noted(prepared="folder"), noted(prepared="x\0"),
    noted(prepared="x" * 5_000), noted() + b" " * 100_000,
    noted(path="folder"), noted(path="x\0"), noted(path="\ud800"), noted(path="x" * 5_000), noted(path=None),
    noted(inode=float("inf")), noted(size=float("nan")), noted(size=-1), noted(size="1"), noted(size=True),
])
def test_an_odd_journal_is_put_aside_and_not_guessed_at(tmp_path, note):
    one = writer(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / ".replay").touch()
    one.append(line("a"), b"")
    (tmp_path / ".replay.journal").write_bytes(note)
    one.append(line("b"), b"")
    (aside,) = tmp_path.glob(".replay.journal.odd-*")
    assert (aside.read_bytes(), len(raw_lines(tmp_path))) == (note, 2)


def test_a_left_over_that_cannot_be_removed_keeps_no_other(tmp_path, monkeypatch, caplog):
    names = [f".presence-20261101T00000{number}.000000Z.jsonl.gz.tmp" for number in range(3)]
    for name in names:
        (tmp_path / name).touch()
    unlink = os.unlink

    def refusing(path, *args, **options):
        if os.path.basename(path) == names[1]:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path, *args, **options)
    monkeypatch.setattr(os, "unlink", refusing)
    Housekeeping(settings(tmp_path)).run_round()
    assert [name for name in names if (tmp_path / name).exists()] == names[1:2]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_name_of_the_year_9999_is_ignored(tmp_path):
    (tmp_path / "presence-99991231T235959.999999Z.jsonl").write_bytes(line("z"))
    one = writer(tmp_path, ROTATE_BYTES=1)
    one.append(line("a"), b"")
    one.append(line("b"), b"")
    Housekeeping(settings(tmp_path, KEEP_FILES=5)).run_round()
    assert sorted(each["text"] for each in lines(tmp_path)) == ["a", "b", "z"]


def test_whatever_a_commit_raises_nothing_is_kept_and_it_is_a_storage_error(tmp_path, caplog):
    one = writer(tmp_path)
    kept = line("a")
    one.append(kept, b"")
    one._accepted.sync = lambda: {}["odd"]
    with pytest.raises(StorageError):
        one.append(line("b"), line("c"))
    del one._accepted.sync
    assert (raw_lines(tmp_path), raw_lines(tmp_path, "rejected")) == ([kept], [])
    one.append(line("d"), b"")
    assert caplog.messages == ["A commit failed: KeyError('odd')"]


def test_housekeeping_outlives_every_exception_and_says_it_once(tmp_path, caplog):
    keeper = Housekeeping(settings(tmp_path))
    keeper._sweep = keeper._close_due = keeper._last_delivery.look = lambda: {}["odd"]
    keeper.run_round()
    keeper.run_round()
    assert caplog.messages == ["Housekeeping met a fault of its own: KeyError('odd')"]


def test_where_no_file_can_be_made_appending_goes_on_in_the_old_one(tmp_path, monkeypatch):
    one = writer(tmp_path, ROTATE_BYTES=1)
    one.append(line("a"), b"")
    real = os.open

    def without_inodes(path, flags, *mode, **options):
        if flags & os.O_CREAT and not os.path.exists(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, flags, *mode, **options)

    with monkeypatch.context() as full:
        full.setattr(os, "open", without_inodes)
        for text in "bcd":
            one.append(line(text), b"")
    assert [each["text"] for each in lines(tmp_path)] == ["a", "b", "c", "d"] and len(paths(tmp_path)) == 1
    one.append(line("e"), b"")
    assert len(paths(tmp_path)) == 2


def test_never_in_a_file_whose_sync_failed_though_it_cannot_be_closed(tmp_path, monkeypatch):
    one = writer(tmp_path)
    one.append(line("a"), b"")
    damaged = os.stat(tmp_path / "presence.jsonl").st_ino

    def failing(*_):
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", failing)
        broken.setattr(os, "fdatasync", failing)
        with pytest.raises(StorageError):
            one.append(line("b"), b"")
        broken.undo()
        broken.setattr(os, "rename", failing)
        with pytest.raises(StorageError):
            one.append(line("c"), b"")
    one.append(line("d"), b"")
    assert os.stat(paths(tmp_path)[0]).st_ino == damaged
    assert [each["text"] for each in lines(tmp_path)] == ["a", "d"]


LIMITED = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from storage.test_active_file import line, writer
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))
one = writer(Path(sys.argv[1]))
for number in range(20):
    one.append(line(number), b"")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # coverage writes at the end
"""


def test_lines_that_come_days_late_make_no_file_for_each_batch(tmp_path):
    late = line("late").replace(b'"20', b'"19')
    one = writer(tmp_path)
    for batch in (late, late, late, line("now"), late, line("now")):
        one.append(batch, batch)
    for stem in ("presence", "rejected"):
        assert [len(path.read_bytes().splitlines()) for path in paths(tmp_path, stem)] == [3, 3]


def test_a_limit_on_the_size_of_files_counts_as_the_size_at_which_they_are_closed(tmp_path):
    here = os.path.dirname(os.path.dirname(__file__))
    ran = subprocess.run([sys.executable, "-c", LIMITED, tmp_path, here, f"{here}/support"], capture_output=True,
                         text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(lines(tmp_path)) == 20 and len(paths(tmp_path)) > 2
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_closed_name_is_later_than_the_last_and_free_plain_and_compressed(tmp_path):
    one = writer(tmp_path, ROTATE_BYTES=1)
    one.append(line("a"), b"")
    (tmp_path / ".presence.lock").write_bytes(b"20991122T201500.123456Z")
    (tmp_path / "presence-20991122T201500.123457Z.jsonl.gz").write_bytes(b"")
    one.append(line("b"), b"")
    assert (tmp_path / "presence-20991122T201500.123458Z.jsonl").exists()
    assert (tmp_path / ".presence.lock").read_bytes() == b"20991122T201500.123458Z"


@pytest.mark.slow
def test_many_closed_files_cost_a_rotation_nothing(tmp_path):
    one = writer(tmp_path, ROTATE_BYTES=1, FSYNC="false")
    for text in "ab":
        one.append(line(text), b"")
    for number in range(100_000):
        os.close(os.open(tmp_path / f"presence-20250101T000000.{number:06}Z.jsonl.gz", os.O_CREAT))
    spent = []
    for number in range(50):
        began = time.process_time()
        one.append(line(number), b"")
        spent.append(time.process_time() - began)
    assert sorted(spent)[25] < 0.005


def test_the_folder_is_listed_after_a_close_and_not_in_every_round(tmp_path, monkeypatch):
    listed = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or real(path))
    one, keeper = writer(tmp_path, ROTATE_BYTES=1), Housekeeping(settings(tmp_path))
    one.append(line("a"), b"")
    keeper.run_round()
    listed.clear()
    keeper.run_round()
    assert listed == []
    one.append(line("b"), b"")
    listed.clear()
    keeper.run_round()
    assert listed != []


def test_replay_leaves_a_line_without_a_good_time_rejected(tmp_path):
    from presence_receiver.extras.replay.rewriting import replay

    path = tmp_path / "rejected.jsonl"
    seen = {"report": {"ownerId": 1, "apMac": "C413E2008040"},
            "observation": {"clientMac": "5CB901642E60", "seenEpoch": 1}, "errors": {}}
    times = ["2026-11-22T20:15:00", "yesterday", "2026-11-22T21:15:00+01:00"]
    path.write_text("".join(json.dumps({"receivedAt": time, **seen}) + "\n" for time in times))
    outcome = replay(path, settings(tmp_path))
    assert (outcome.accepted, outcome.left) == (1, 2)
    (found,) = lines(tmp_path)
    assert found["receivedAt"] == "2026-11-22T20:15:00.000000Z"
