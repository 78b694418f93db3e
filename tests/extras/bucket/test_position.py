import json
import os
import resource

import pytest
from objects import line

from presence_receiver import config
from presence_receiver.errors import Refused, StorageError
from presence_receiver.extras.bucket.names import Name
from presence_receiver.extras.bucket.position import KEPT_SECONDS, SEEN_SECONDS, Known, Position
from presence_receiver.storage import Writer

A, B = "a" * 32, "b" * 32


def names(process, *numbers):
    return [Name("20261122T201500.123456Z", process, number, 1) for number in numbers]


@pytest.fixture
def settings(tmp_path):
    return config.load({"PRESENCE_SECRET": "hunter22", "PRESENCE_DATA_DIR": str(tmp_path)})


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_numbers_become_ranges():
    known = Known()
    for number in (3, 1, 2, 5, 9, 4):
        known = known.with_(number, 10.0 + number)
    assert known == (14.0, ((1, 5), (9, 9)))
    assert [known.has(number) for number in (0, 1, 5, 6, 9, 10)] == [False, True, True, False, True, False]


def test_lines_and_position_are_one_commit(settings, tmp_path):
    position = Position("f").with_([*names(A, 0, 1), *names(B, 7)], 5.0)
    Writer(settings).exchange(b"a\n", position.replacing, b"b\n")
    assert Position.read(tmp_path) == position
    found = files(tmp_path)
    assert json.loads(found.pop(".bucket.position")) == {"folder": "f", "processes": {
        A: {"seen": 5.0, "commits": [[0, 1]]}, B: {"seen": 5.0, "commits": [[7, 7]]}}}
    assert found == {"presence.jsonl": b"a\n", "rejected.jsonl": b"b\n"}


def test_a_disk_that_refuses_leaves_the_position(settings, tmp_path):
    position = Position("f").with_(names(A, 0), 5.0)
    writer = Writer(settings)
    writer.exchange(line(1), position.replacing)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, limits[1]))
    try:
        with pytest.raises(StorageError):
            writer.exchange(line(2), position.with_(names(A, 1), 6.0).replacing)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert Position.read(tmp_path) == position
    assert (tmp_path / "presence.jsonl").read_bytes() == line(1)


def test_what_is_no_file_in_its_place_is_put_aside(settings, tmp_path):
    (tmp_path / ".bucket.prepared").mkdir()
    position = Position("f").with_(names(A, 0), 5.0)
    Writer(settings).exchange(b"a\n", position.replacing)
    assert Position.read(tmp_path) == position


def test_a_process_is_forgotten_a_day_after_it_was_last_seen():
    position = Position("f").with_([*names(A, 0), *names(B, 0)], 0.0)
    later = position.after_listing({B}, KEPT_SECONDS / 2).after_listing(set(), KEPT_SECONDS)
    assert [name in later for name in (*names(A, 0), *names(B, 0))] == [False, True]


def test_a_process_whose_objects_are_still_listed_is_not_forgotten():
    position = Position("f").with_(names(A, 0), 0.0)
    assert names(A, 0)[0] in position.after_listing({A}, 100 * KEPT_SECONDS)


def test_that_an_object_is_still_listed_is_noted_once_an_hour():
    position = Position("f").with_(names(A, 0), 0.0)
    assert position.after_listing({A}, SEEN_SECONDS) == position
    assert position.after_listing({A}, SEEN_SECONDS + 1).processes[A].seen == SEEN_SECONDS + 1


@pytest.mark.parametrize("content", [
    b"", b"{", b"null", b'{"folder": "f"}', b'{"folder": "f", "processes": []}', b"\xff",
    b'{"folder": "f", "processes": {"a": {"seen": "x", "commits": []}}}', b"[" * 200_000,
    b'{"folder": "f", "processes": {"a": {"seen": 1, "commits": [[1e999, 2]]}}}'])
def test_what_is_no_position(content, tmp_path):
    (tmp_path / ".bucket.position").write_bytes(content)
    with pytest.raises(Refused):
        Position.read(tmp_path)


def test_a_link_in_its_place_is_not_written_through(settings, tmp_path):
    (tmp_path / "mine").write_bytes(b"mine")
    for name in (".bucket.prepared", ".bucket.position"):
        (tmp_path / name).symlink_to(tmp_path / "mine")
    position = Position("f").with_(names(A, 0), 5.0)
    Writer(settings).exchange(b"a\n", position.replacing)
    assert Position.read(tmp_path) == position
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_it_is_synced_before_it_takes_its_place(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def noted(descriptor):
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    settings = config.load({"PRESENCE_DATA_DIR": str(tmp_path)}, needs_secret=False)
    Writer(settings).exchange(line(1), Position("f").replacing)
    assert ".bucket.prepared" in synced
