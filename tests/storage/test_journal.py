"""A file that grows and one that is replaced, both or neither, wherever a crash comes between."""
import json
import os

import pytest

from presence_receiver.storage import durable
from presence_receiver.storage.journal import Journal


class Crash(BaseException):
    """What nothing in the package expects."""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "presence.jsonl").write_bytes(b"old\n")
    (tmp_path / "rejected.jsonl").write_bytes(b"bad\n")
    (tmp_path / "prepared").write_bytes(b"")
    return tmp_path


def exchange(folder, at=None):
    """Append a line while `rejected.jsonl` is emptied, up to a crash `at` a step."""
    paths = [str(folder / "presence.jsonl")]
    with Journal(folder).exchanging(paths, folder / "prepared", folder / "rejected.jsonl"):
        with open(paths[0], "ab") as grown:
            grown.write(b"new\n")
        if at == "appended":
            raise Crash


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


BEFORE = {"presence.jsonl": b"old\n", "rejected.jsonl": b"bad\n"}
AFTER = {"presence.jsonl": b"old\nnew\n", "rejected.jsonl": b""}


def test_both(folder):
    exchange(folder)
    Journal(folder).resolve()
    assert contents(folder) == AFTER


def test_neither_where_a_crash_comes_before_the_rename(folder):
    with pytest.raises(Crash):
        exchange(folder, at="appended")
    assert (folder / "presence.jsonl").read_bytes() == b"old\nnew\n"
    Journal(folder).resolve()
    assert contents(folder) == BEFORE


def test_neither_where_the_note_was_never_finished(folder, monkeypatch):
    monkeypatch.setattr(os, "rename", crash)
    with pytest.raises(Crash):
        exchange(folder)
    monkeypatch.undo()
    Journal(folder).resolve()
    assert (folder / "presence.jsonl").read_bytes() == b"old\n"
    assert (folder / "rejected.jsonl").read_bytes() == b"bad\n"


def crash(*_):
    raise Crash


@pytest.mark.parametrize("step", ["ftruncate", "fsync", "unlink"])
def test_a_crash_while_taking_back_is_resolved_by_the_next(folder, monkeypatch, step):
    with pytest.raises(Crash):
        exchange(folder, at="appended")
    monkeypatch.setattr(os, step, crash)
    with pytest.raises(Crash):
        Journal(folder).resolve()
    monkeypatch.undo()
    Journal(folder).resolve()
    assert contents(folder) == BEFORE


def test_resolving_twice_takes_nothing_back_twice(folder):
    with pytest.raises(Crash):
        exchange(folder, at="appended")
    Journal(folder).resolve()
    with open(folder / "presence.jsonl", "ab") as file:
        file.write(b"later\n")
    Journal(folder).resolve()
    assert (folder / "presence.jsonl").read_bytes() == b"old\nlater\n"


def test_another_file_under_the_name_is_left_alone(folder):
    with pytest.raises(Crash):
        exchange(folder, at="appended")
    (folder / "presence.jsonl").rename(folder / "moved")
    (folder / "presence.jsonl").write_bytes(b"of somebody else\n")
    Journal(folder).resolve()
    assert contents(folder) == {
        "moved": b"old\nnew\n", "presence.jsonl": b"of somebody else\n", "rejected.jsonl": b"bad\n"}


def test_a_file_that_is_gone_stays_gone(folder):
    with pytest.raises(Crash):
        exchange(folder, at="appended")
    (folder / "presence.jsonl").unlink()
    Journal(folder).resolve()
    assert contents(folder) == {"rejected.jsonl": b"bad\n"}


def test_the_folder_may_have_another_path_for_who_resolves(folder, tmp_path_factory):
    with pytest.raises(Crash):
        exchange(folder, at="appended")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "data"
    folder.rename(elsewhere)
    Journal(elsewhere).resolve()
    assert contents(elsewhere) == BEFORE


def test_the_note_is_on_disk_before_the_first_byte(folder, monkeypatch):
    synced = []
    fsync, sync_folder = os.fsync, durable.sync_folder
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(os.readlink(f"/proc/self/fd/{descriptor}")),
                                                         fsync(descriptor)))
    monkeypatch.setattr(durable, "sync_folder", lambda where: (synced.append(str(where)), sync_folder(where)))
    one = Journal(folder)
    with one.exchanging([str(folder / "presence.jsonl")], folder / "prepared", folder / "rejected.jsonl"):
        assert synced[0].endswith(".draft") and str(folder) in synced[1:]
        note = json.loads(one.path.read_text())
    inode = (folder / "presence.jsonl").stat().st_ino
    assert note == {"prepared": "prepared", "grown": [{"path": "presence.jsonl", "inode": inode, "size": 4}]}


def test_what_it_notes_is_for_its_owner_and_group_only(folder):
    with Journal(folder).exchanging([], folder / "prepared", folder / "rejected.jsonl"):
        assert (folder / ".replay.journal").stat().st_mode & 0o027 == 0
