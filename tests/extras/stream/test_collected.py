import pytest

from presence_receiver import config
from presence_receiver.errors import StorageError
from presence_receiver.extras.stream.position import Position
from presence_receiver.storage.writer import Writer


@pytest.fixture
def settings(tmp_path):
    return config.load({"PRESENCE_SECRET": "hunter22", "PRESENCE_DATA_DIR": str(tmp_path)})


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_sequences_become_ranges():
    position = Position("s").with_([3, 1, 2]).with_([5, 9]).with_([4])
    assert position.ranges == ((1, 5), (9, 9))
    assert [number in position for number in (0, 1, 5, 6, 9, 10)] == [False, True, True, False, True, False]


def test_lines_and_position_are_one_commit(settings, tmp_path):
    position = Position("s").with_([1])
    Writer(settings).exchange(b"a\n", position.replacing, b"b\n")
    assert Position.read(tmp_path, "s") == position
    assert files(tmp_path) == {"presence.jsonl": b"a\n", "rejected.jsonl": b"b\n",
                               ".collect.position": b'{"stream": "s", "ranges": [[1, 1]]}'}


def test_another_stream_begins_anew(settings, tmp_path):
    Writer(settings).exchange(b"a\n", Position("s").with_([1]).replacing)
    assert Position.read(tmp_path, "t") == Position("t")


def test_a_crash_before_the_end_takes_back_both_files(settings, tmp_path):
    Writer(settings).exchange(b"a\n", Position("s").with_([1]).replacing, b"b\n")
    before = files(tmp_path)
    journal = Writer(settings)._journal
    with pytest.raises(SystemExit), Position("s").with_([1, 2]).replacing(
            journal, [str(tmp_path / "presence.jsonl"), str(tmp_path / "rejected.jsonl")]):
        for name in ("presence.jsonl", "rejected.jsonl"):
            with (tmp_path / name).open("ab") as file:
                file.write(b"more\n")
        raise SystemExit
    Writer(settings).resolve()
    assert files(tmp_path) == before


def test_a_disk_that_refuses_leaves_the_position(settings, tmp_path):
    Writer(settings).exchange(b"a\n", Position("s").with_([1]).replacing)
    before = files(tmp_path)
    (tmp_path / ".collect.prepared").mkdir()
    with pytest.raises(StorageError):
        Writer(settings).exchange(b"b\n", Position("s").with_([1, 2]).replacing)
    (tmp_path / ".collect.prepared").rmdir()
    assert Position.read(tmp_path, "s").ranges == ((1, 1),)
    assert sum(content.count(b"\n") for name, content in files(tmp_path).items() if name.startswith("presence")) == 1
    assert before[".collect.position"] == files(tmp_path)[".collect.position"]
