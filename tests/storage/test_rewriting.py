"""A closed file written anew: all of the old one or all of the new, and the active files closed before."""
import gzip
import os
import stat

import pytest
from other_user import NOBODY, needs_root
from reading import contents
from storage.test_active_file import line, settings, writer

from presence_receiver.errors import StorageError
from presence_receiver.storage import Housekeeping, durable, lines_in, rewrite

NAME = "presence-20261101T000000.000000Z.jsonl"
OLD = [b"one\n", b"two\n", b"three"]


@pytest.fixture(params=[NAME, f"{NAME}.gz"], ids=["plain", "gzip"])
def path(request, tmp_path):
    path = tmp_path / request.param
    path.write_bytes(gzip.compress(b"".join(OLD)) if path.suffix == ".gz" else b"".join(OLD))
    os.chmod(path, 0o604)
    return path


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_each_line_is_given_and_what_comes_back_takes_its_place(path):
    assert [*lines_in(path)] == OLD
    rewrite(path, lambda text: b"" if text == b"one\n" else text.upper())
    assert [*lines_in(path)] == [b"TWO\n", b"THREE"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert names(path.parent) == {path.name}


def test_a_file_of_which_nothing_is_left_goes(path):
    rewrite(path, lambda text: b"")
    assert names(path.parent) == set()


def test_whatever_is_raised_it_is_as_it_was(path):
    before = path.read_bytes()

    def fail(text):
        raise KeyError(text) if text == b"three" else OSError("no")
    for error in (OSError, KeyError):
        with pytest.raises(error):
            rewrite(path, fail if error is OSError else lambda text: fail(text) if text == b"three" else text)
    assert (path.read_bytes(), names(path.parent)) == (before, {path.name})


def test_without_room_for_another_it_is_not_begun(path, monkeypatch):
    monkeypatch.setattr(durable, "free_bytes", lambda folder: path.stat().st_size - 1)
    with pytest.raises(OSError, match="No space left"):
        rewrite(path, bytes.upper)
    assert names(path.parent) == {path.name}


def test_a_link_is_not_followed(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(FileNotFoundError):
        rewrite(path, bytes.upper)
    assert path.is_symlink()


def test_what_an_interrupted_one_left_is_swept(tmp_path):
    writer(tmp_path).append(line("a"), b"")
    (tmp_path / f".{NAME}.gz.rewritten").write_bytes(b"half")
    Housekeeping(settings(tmp_path)).run_round()
    assert f".{NAME}.gz.rewritten" not in names(tmp_path)


def test_both_files_are_closed_though_they_are_not_due_and_empty_ones_are_not(tmp_path):
    one, accepted, rejected, more = writer(tmp_path), line("a"), line("b"), line("c")
    one.close_now()
    assert not names(tmp_path) - {".presence.lock"}
    one.append(accepted, rejected)
    one.close_now()
    one.close_now()
    assert [contents(tmp_path, stem) for stem in ("presence", "rejected")] == [[accepted, b""], [rejected, b""]]
    one.append(more, b"")
    assert contents(tmp_path) == [accepted, more]


def test_where_a_file_cannot_be_closed_that_is_said(tmp_path, monkeypatch):
    one, accepted = writer(tmp_path), line("a")
    one.append(accepted, b"")

    def refuse(path):
        raise PermissionError(f"no {path}")
    monkeypatch.setattr(durable, "open_new", refuse)
    with pytest.raises(StorageError) as error:
        one.close_now()
    assert str(error.value) == "The storage at PRESENCE_DATA_DIR failed."
    assert contents(tmp_path) == [accepted]


def test_what_root_writes_anew_keeps_its_owner(path):
    needs_root()
    os.chown(path, NOBODY, NOBODY)
    rewrite(path, bytes.upper)
    assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)
