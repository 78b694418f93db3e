import base64
import errno
import gzip
import json
import os
from pathlib import Path

import pytest
from crash_points import stopped_after

from presence_receiver import config
from presence_receiver.errors import NotReplayed, StorageError
from presence_receiver.extras.replay import rewriting
from presence_receiver.extras.replay.rewriting import Outcome, replay
from presence_receiver.storage.housekeeping import Housekeeping
from presence_receiver.storage.journal import Journal
from presence_receiver.storage.writer import Writer
from presence_receiver.validation.judge import judge_delivery

THEN = "2026-11-20T08:00:00.000001Z"
GOOD = {"clientMac": "5CB901642E60", "seenEpoch": 1463828775360, "rssi": -60}
REPORT = {"ownerId": 1490, "apMac": "C413E2008040", "building": "north"}
CLOSED = "rejected-20261101T000000.000000Z.jsonl"


def rejected(**fields):
    return json.dumps({"receivedAt": THEN, "errors": {"old": ["rule"]}} | fields, ensure_ascii=False).encode() + b"\n"


def good(number=0):
    return rejected(report=REPORT, observation=GOOD | {"seenEpoch": number})


def line(number=0):
    return judge_delivery(json.dumps(REPORT | {"observations": [GOOD | {"seenEpoch": number}]}).encode(), THEN).lines


BAD = rejected(report=REPORT, observation={"clientMac": "nobody"})


@pytest.fixture
def settings(tmp_path):
    return config.load({"PRESENCE_DATA_DIR": str(tmp_path / "data"), "PRESENCE_ROTATE_SECONDS": 10**9},
                       needs_secret=False)


@pytest.fixture
def data(settings):
    settings.data_dir.mkdir()
    return settings.data_dir


def visible(folder):
    return {
        path.name: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in folder.iterdir() if path.name not in (".presence.lock", ".housekeeping.lock")
    }


def test_what_is_good_now_becomes_a_line_with_its_first_receivedat_and_the_bad_is_left_as_it_was(data, settings):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1) + BAD + good(2))
    assert replay(path, settings) == Outcome(accepted=2, left=1)
    assert visible(data) == {"presence.jsonl": line(1) + line(2), "rejected.jsonl": BAD}
    first = json.loads(line(1))
    assert (first["receivedAt"], first["ownerId"], first["building"]) == (THEN, 1490, "north")


def test_a_second_run_adds_nothing(data, settings):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1) + BAD)
    replay(path, settings)
    assert replay(path, settings) == Outcome(accepted=0, left=1)
    assert visible(data) == {"presence.jsonl": line(1), "rejected.jsonl": BAD}


@pytest.mark.parametrize("name, pack", [(CLOSED, bytes), (f"{CLOSED}.gz", gzip.compress)])
def test_closed_files_plain_or_compressed_are_replayed_and_go_when_nothing_is_left(data, settings, name, pack):
    (data / name).write_bytes(pack(good(1) + BAD))
    os.chmod(data / name, 0o604)
    assert replay(data / name, settings) == Outcome(1, 1)
    assert (data / name).stat().st_mode & 0o777 == 0o604
    assert visible(data) == {"presence.jsonl": line(1), name: BAD}
    (data / name).write_bytes(pack(good(2)))
    assert replay(data / name, settings) == Outcome(1, 0)
    assert visible(data) == {"presence.jsonl": line(1) + line(2)}


def test_a_file_elsewhere_is_replayed_into_the_data_folder(tmp_path, settings):
    path = tmp_path / "from-another-machine.jsonl"
    path.write_bytes(good(1))
    assert replay(path, settings) == Outcome(1, 0)
    assert visible(settings.data_dir)["presence.jsonl"] == line(1)
    assert path.read_bytes() == b""


def test_lines_follow_those_that_are_there_and_the_writer_goes_on_with_both_files(data, settings):
    writer = Writer(settings)
    writer.append(line(1), good(2) + BAD)
    replay(data / "rejected.jsonl", settings)
    writer.append(line(3), BAD)
    assert visible(data) == {"presence.jsonl": line(1) + line(2) + line(3), "rejected.jsonl": BAD + BAD}


def test_what_was_refused_whole_is_judged_like_a_delivery(data, settings):
    body = json.dumps({"observations": [GOOD, {"clientMac": "nobody"}]}).encode()
    judged = judge_delivery(body, THEN)
    assert judged.accepted_count == judged.rejected_count == 1
    path = data / "rejected.jsonl"
    path.write_bytes(rejected(body=body.decode()) + rejected(bodyBase64=base64.b64encode(body).decode()))
    assert replay(path, settings) == Outcome(2, 2)
    assert visible(data) == {"presence.jsonl": judged.lines * 2, "rejected.jsonl": judged.rejected * 2}


def test_a_report_that_was_refused_whole_is_judged_as_a_report(data, settings):
    path = data / "rejected.jsonl"
    path.write_bytes(rejected(report=REPORT | {"observations": [GOOD | {"seenEpoch": 5}]}, observation=None))
    assert replay(path, settings) == Outcome(1, 0)
    assert visible(data)["presence.jsonl"] == line(5)


@pytest.mark.parametrize("body", [
    b'{"observations": [{"clientMac": "5CB901642E60", "seenEpoch": 1, "x1": "\\ud800"}]}',
    b'{"observations": [{"clientMac": "5CB901642E60", "seenEpoch": 1, "x1": 1e999}]}',
    b'{"observations": [{"clientMac": "5CB901642E60", "seenEpoch": 1, "x1": 99999999999999999999}]}',
    b'{"observations": [null, 5, "text", [], "{\\"clientMac\\": \\"5CB901642E60\\", \\"seenEpoch\\": 1}"]}',
    b'{"apMac": "no", "observations": [{"clientMac": "5CB901642E60", "seenEpoch": 1}]}',
    b'[1, null, "text", {"audit": "log"}]', b"not json", b"\xff\xfe", b"[[[[", b'{"observations": [' + b"[" * 2000,
])
def test_what_is_as_bad_as_before_is_left_byte_for_byte(data, settings, body):
    judged = judge_delivery(body, THEN)
    path = data / "rejected.jsonl"
    path.write_bytes(judged.rejected)
    assert judged.rejected and replay(path, settings) == Outcome(0, judged.rejected_count)
    assert visible(data) == {"rejected.jsonl": judged.rejected}


def test_text_that_is_no_unicode_is_judged_as_it_was_sent(data, settings):
    body = b'{"note": "\\ud800", "observations": [{"clientMac": "5CB901642E60", "seenEpoch": 1, "rssi": "bad"}]}'
    stored = judge_delivery(body, THEN).rejected.replace(b'"rssi":"bad"', b'"rssi":-60')
    assert b'"report":"{' in stored
    path = data / "rejected.jsonl"
    path.write_bytes(stored)
    assert replay(path, settings) == Outcome(0, 1)


def test_lines_of_another_kind_and_half_a_line_are_left(data, settings):
    path = data / "rejected.jsonl"
    path.write_bytes(line(1) + b"\n" + b"[]\n" + good(2) + b'{"half')
    assert replay(path, settings) == Outcome(1, 3)
    files = visible(data)
    assert files["presence.jsonl"] == line(2)
    left = files["rejected.jsonl"].splitlines(keepends=True)
    assert left[:3] == [line(1), b"\n", b"[]\n"]
    assert left[3] == b'{"half'


def test_what_is_rejected_while_the_file_is_read_is_not_lost(data, settings):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1) + good(2))
    writer, came = Writer(settings), []

    def progress(done, size):
        if not came:
            came.append(writer.append(line(3), BAD))

    assert replay(path, settings, progress) == Outcome(2, 1)
    assert visible(data) == {"presence.jsonl": line(3) + line(1) + line(2), "rejected.jsonl": BAD}


def test_what_is_rejected_after_the_file_was_read_is_not_lost(data, settings, monkeypatch):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1) + good(2))
    exchange = Writer.exchange

    def late(self, *args):
        Writer(settings).append(line(3), BAD + good(4))
        exchange(self, *args)

    monkeypatch.setattr(Writer, "exchange", late)
    assert replay(path, settings) == Outcome(2, 0)
    assert visible(data) == {"presence.jsonl": line(3) + line(1) + line(2), "rejected.jsonl": BAD + good(4)}


def test_a_file_that_is_closed_meanwhile_is_not_touched(data, settings):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1))
    with pytest.raises(NotReplayed) as error:
        replay(path, settings, lambda done, size: path.rename(data / CLOSED))
    assert str(error.value) == f"{path} was closed meanwhile: replay the file that it has become."
    assert visible(data) == {CLOSED: good(1), "presence.jsonl": b""}


def test_a_missing_and_a_broken_file_are_named(data, settings):
    with pytest.raises(NotReplayed, match="missing.jsonl could not be replayed: No such file or directory.$"):
        replay(data / "missing.jsonl", settings)
    (data / "broken.jsonl.gz").write_bytes(gzip.compress(good(1))[:-5])
    with pytest.raises(NotReplayed, match="broken.jsonl.gz is not whole gzip.$"):
        replay(data / "broken.jsonl.gz", settings)
    assert set(os.listdir(data)) == {"broken.jsonl.gz", ".housekeeping.lock"}


def test_the_active_file_of_lines_is_not_replayed_into_itself(data, settings):
    path = data / "presence.jsonl"
    path.write_bytes(good(1))
    with pytest.raises(NotReplayed) as error:
        replay(path, settings)
    assert str(error.value) == f"{path} has lines, not rejected ones: name a rejected file."
    assert path.read_bytes() == good(1)


def test_where_the_lines_cannot_be_stored_nothing_changes(data, settings, monkeypatch):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1))
    Writer(settings).append(line(3), b"")
    real = os.rename

    def fail(source, target):
        if Path(target) == path:
            raise OSError(30, "Read-only file system")
        real(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(StorageError):
        replay(path, settings)
    monkeypatch.undo()
    assert b"".join(content for name, content in visible(data).items() if name.startswith("presence")) == line(3)
    assert path.read_bytes() == good(1)
    assert replay(path, settings) == Outcome(1, 0)


@pytest.mark.parametrize("is_done", [False, True])
def test_interrupted_from_the_keyboard_nothing_is_doubled(data, settings, monkeypatch, is_done):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1))
    real = os.rename

    def interrupt(source, target):
        if Path(target) != path or is_done:
            real(source, target)
        if Path(target) == path:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replay(path, settings)
    monkeypatch.undo()
    assert replay(path, settings) == (Outcome(0, 0) if is_done else Outcome(1, 0))
    assert visible(data) == {"presence.jsonl": line(1), "rejected.jsonl": b""}


def fail_after_rename(monkeypatch, path, name):
    """From the moment the rewritten file is in its place, the os call of that name fails."""
    renamed, real, call = [], os.rename, getattr(os, name)

    def rename(source, target):
        real(source, target)
        renamed.append(Path(target) == path)

    def fail(*args):
        if any(renamed):
            raise OSError(errno.EIO, "Input/output error")
        return call(*args)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize("call", ["fsync", "unlink"])
def test_a_failure_after_the_files_changed_places_takes_no_line_back(data, settings, monkeypatch, call):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1))
    fail_after_rename(monkeypatch, path, call)
    with pytest.raises(StorageError):
        replay(path, settings)
    monkeypatch.undo()
    Writer(settings).append(line(2), b"")
    assert replay(path, settings) == Outcome(0, 0)
    assert visible(data) == {"presence.jsonl": line(1) + line(2), "rejected.jsonl": b""}


def test_interrupted_twice_what_was_prepared_stays_until_the_lines_are_taken_back(data, settings, monkeypatch):
    path = data / "rejected.jsonl"
    path.write_bytes(good(1))
    real = os.rename

    def interrupt(*args):
        raise KeyboardInterrupt

    def interrupt_twice(source, target):
        if Path(target) == path:
            monkeypatch.setattr(Journal, "resolve", interrupt)
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "rename", interrupt_twice)
    with pytest.raises(KeyboardInterrupt):
        replay(path, settings)
    monkeypatch.undo()
    assert replay(path, settings) == Outcome(1, 0)
    assert visible(data) == {"presence.jsonl": line(1), "rejected.jsonl": b""}


def test_what_a_replay_has_prepared_is_swept_only_where_no_journal_needs_it(data, settings):
    (data / ".rejected.jsonl.x.replay").write_bytes(b"")
    (data / ".replay.journal").write_bytes(b"{}")
    Housekeeping(settings).run_round()
    assert set(visible(data)) == {".rejected.jsonl.x.replay", ".replay.journal"}
    (data / ".replay.journal").unlink()
    Housekeeping(settings).run_round()
    assert visible(data) == {}


CALLS = ("open", "rename", "unlink", "fsync", "fdatasync", "write", "ftruncate", "fchmod", "fchown")


@pytest.mark.parametrize("name, pack", [
    ("rejected.jsonl", bytes), (CLOSED, bytes), (f"{CLOSED}.gz", gzip.compress),
])
@pytest.mark.parametrize("next_step, most", [
    ("replay", 10**6), ("append", 10**6), ("round", 10**6), pytest.param("append", 100, marks=pytest.mark.slow),
])
def test_stopped_after_any_call_nothing_is_doubled_and_nothing_lost(tmp_path, name, pack, next_step, most, monkeypatch):
    monkeypatch.setattr(rewriting, "MOST_BYTES", most)
    for count in range(1, 200):
        data = tmp_path / str(count)
        settings = config.load({"PRESENCE_DATA_DIR": str(data), "PRESENCE_ROTATE_SECONDS": 10**9}, needs_secret=False)
        Writer(settings).append(line(0), b"")
        (data / name).write_bytes(pack(good(1) + BAD + good(2)))
        is_cut_off = stopped_after(count, CALLS, lambda: replay(data / name, settings))
        expected = [line(0), line(1), line(2)]
        if next_step == "append":
            Writer(settings).append(line(3), b"")
            expected.append(line(3))
        if next_step == "round":
            Housekeeping(settings).run_round()
            assert not {file for file in visible(data) if file.startswith(".")}
        replayed = data / name if (data / name).exists() else data / f"{name}.gz"
        replay(replayed, settings)
        Housekeeping(settings).run_round()
        files = visible(data)
        assert sorted(files["presence.jsonl"].splitlines(keepends=True)) == sorted(expected), count
        left = name if name == "rejected.jsonl" else f"{CLOSED}.gz"
        assert files == {"presence.jsonl": files["presence.jsonl"], left: BAD}
        if not is_cut_off:
            break
    assert (15 if most > 100 else 40) < count < 199
