"""What is synced, marked and written in which order, by the calls themselves."""
import errno
import os
import stat

import pytest
from storage.test_active_file import line, writer

from presence_receiver.errors import StorageError
from presence_receiver.storage import active_file, durable

A, B = line("a"), line("b")


@pytest.fixture
def done(monkeypatch):
    """The renames and syncs, as they were done."""
    calls, rename = [], os.rename
    monkeypatch.setattr(durable, "sync_folder", lambda folder: calls.append("folder"))
    monkeypatch.setattr(durable, "sync_content", lambda descriptor: calls.append(
        (os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")), os.fstat(descriptor).st_size)))
    monkeypatch.setattr(os, "rename", lambda *args: (calls.append("rename"), rename(*args)))
    return calls


def test_names_are_synced_when_a_file_is_made_and_when_it_is_closed(tmp_path, done):
    one = writer(tmp_path, ROTATE_BYTES=1)
    one.append(A, b"")
    assert done[-2:] == ["folder", ("presence.jsonl", len(A))]
    done.clear()
    one.append(B, b"")
    assert done == ["rename", "folder", "rename", "folder", ("presence.jsonl", len(B))]


def test_what_is_cut_off_is_synced(tmp_path, done):
    (tmp_path / "presence.jsonl").write_bytes(A + b'{"half')
    writer(tmp_path).append(B, b"")
    assert ("presence.jsonl", len(A)) in done


def test_the_rejected_file_is_written_first(tmp_path, monkeypatch):
    written, write = [], os.write

    def noted(descriptor, content):
        written.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        return write(descriptor, content)

    monkeypatch.setattr(os, "write", noted)
    writer(tmp_path).append(A, B)
    assert written == ["rejected.jsonl", "presence.jsonl"]


def test_a_file_whose_sync_failed_and_that_cannot_be_closed_is_marked(tmp_path, monkeypatch):
    one, other = writer(tmp_path), writer(tmp_path)
    one.append(A, b"")

    def fail(*_):
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as broken:
        broken.setattr(durable, "sync_content", fail)
        broken.setattr(active_file.LineFile, "close", fail)
        with pytest.raises(StorageError):
            one.append(B, b"")
        assert (tmp_path / "presence.jsonl").stat().st_mode & stat.S_ISVTX
    other.append(B, b"")
    assert (tmp_path / "presence.jsonl").read_bytes() == B
