"""Reading beside a receiver: each line once, whatever is closed and compressed meanwhile."""
import gzip
import json

import pytest
from storage.test_active_file import line, settings, writer

from presence_receiver.errors import NotRead
from presence_receiver.storage import Housekeeping, reader

CLOSED = "presence-20261101T000000.000000Z.jsonl"


def texts(folder):
    return [json.loads(found)["text"] for found in reader.stored_lines(folder, "presence")]


def closed_and_compressed(folder):
    with Housekeeping(settings(folder, COMPRESS="gzip")).paused():
        pass
    Housekeeping(settings(folder, COMPRESS="gzip")).run_round()


@pytest.mark.parametrize("when", ["before the listing", "after the listing"])
def test_what_is_closed_meanwhile_is_read_once(tmp_path, monkeypatch, when):
    one = writer(tmp_path)
    one.append(line("a"), b"")
    closed_and_compressed(tmp_path)
    one.append(line("b"), b"")
    listed, seen = reader.closed_files, []

    def meanwhile(folder, stem):
        seen.append(stem)
        found = None if when.startswith("before") else listed(folder, stem)
        if len(seen) == 1:
            closed_and_compressed(tmp_path)
            one.append(line("c"), b"")
        return found or listed(folder, stem)

    monkeypatch.setattr(reader, "closed_files", meanwhile)
    assert texts(tmp_path) == ["a", "b", "c"]
    assert len(list(tmp_path.glob("*.gz"))) == 2


def test_half_a_line_is_none_and_what_cannot_be_read_is_told_behind_all_else(tmp_path):
    (tmp_path / "presence.jsonl").write_bytes(line("b") + b'{"text":"half')
    (tmp_path / CLOSED).write_bytes(line("a"))
    broken = tmp_path / f"{CLOSED.replace('1101', '1102')}.gz"
    broken.write_bytes(gzip.compress(line("lost") * 100)[:-9])
    found = []
    with pytest.raises(NotRead) as error:
        found.extend(reader.stored_lines(tmp_path, "presence"))
    assert {json.loads(each)["text"] for each in found} >= {"a", "b"}
    assert error.value.args == (f"{broken} cannot be read to its end: not whole gzip.",)


def test_what_is_compressed_after_it_was_listed_is_read_all_the_same(tmp_path, monkeypatch):
    (tmp_path / CLOSED).write_bytes(line("a"))
    listed = reader.closed_files

    def compressed_then(folder, stem):
        found = listed(folder, stem)
        (folder / f"{CLOSED}.gz").write_bytes(gzip.compress((folder / CLOSED).read_bytes()))
        (folder / CLOSED).unlink()
        return found

    monkeypatch.setattr(reader, "closed_files", compressed_then)
    assert texts(tmp_path) == ["a"]
