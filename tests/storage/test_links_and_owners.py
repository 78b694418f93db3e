"""Links, FIFOs and folders under our names, and files that another user makes; some of it needs root."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from reading import raw_lines
from running import Receiver
from storage.test_active_file import line, writer

NOBODY = 65534


def put(path, what):
    if what == "link":
        path.symlink_to(path.parent / "elsewhere")
    elif what == "dangling":
        path.symlink_to(path.parent / "nowhere")
    elif what == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "folder"])
@pytest.mark.parametrize("name", ["presence.jsonl", "rejected.jsonl", ".presence.lock", ".replay.journal"])
def test_what_is_no_plain_file_is_put_aside_and_never_written_through(tmp_path, name, what):
    (tmp_path / "elsewhere").write_bytes(b"mine")
    put(tmp_path / name, what)
    writer(tmp_path).append(line("a"), line("b"))
    assert [len(raw_lines(tmp_path, stem)) for stem in ("presence", "rejected")] == [1, 1]
    assert (tmp_path / "elsewhere").read_bytes() == b"mine" and not (tmp_path / "nowhere").exists()
    assert [path.name.startswith(name) for path in tmp_path.iterdir() if "aside" in path.name or ".odd-" in path.name]


def test_the_data_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "real")
    writer(tmp_path / "data").append(line("a"), b"")
    assert len(raw_lines(tmp_path / "real")) == 1


@pytest.mark.slow
def test_at_the_start_it_is_a_sentence(tmp_path):
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "presence.jsonl")
    one = Receiver(tmp_path / "data", tmp_path / "log")
    one.launch()
    assert one.process.wait(20) == 1
    assert one.text().endswith(f"{one.folder}/presence.jsonl must be a plain file, and is a link, a FIFO or a folder: "
                               "move it away.\n")


@pytest.fixture
def shared():
    """A data folder of another user's, where that one can reach it."""
    if os.geteuid() != 0:
        pytest.skip("This needs root.")
    folder = Path(tempfile.mkdtemp(prefix="presence-test-"))
    try:
        seen = {"report": {"ownerId": 1, "apMac": "C413E2008040"},
                "observation": {"clientMac": "5CB901642E60", "seenEpoch": 1}, "errors": {}}
        (folder / "rejected.jsonl").write_text(json.dumps({"receivedAt": "2026-11-22T20:15:00Z", **seen}) + "\n")
        (folder / ".presence.lock").touch(0o600)
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        yield folder
    finally:
        shutil.rmtree(folder)


REPLAY = """
import os, sys
import rich.progress
from presence_receiver.cli import main
from presence_receiver.extras.replay import command
from presence_receiver.storage import Writer, become_owner, housekeeping_lock
if len(sys.argv) > 3:
    user = int(sys.argv.pop())
    os.setresuid(user, user, user)
main.main()
"""
"""All is imported first, since the interpreter of a test may be one that only root can read."""


def replayed(folder, *user):
    command = [sys.executable, "-c", REPLAY, "replay", folder / "rejected.jsonl", *map(str, user)]
    return subprocess.run(command, env=os.environ | {"PRESENCE_DATA_DIR": str(folder)}, capture_output=True, text=True)


def test_what_root_makes_belongs_to_the_receiver(shared):
    ran = replayed(shared)
    assert ran.returncode == 0, ran.stderr
    assert len(raw_lines(shared)) == 1
    assert {(path.stat().st_uid, path.stat().st_gid) for path in shared.iterdir()} == {(NOBODY, NOBODY)}


def test_anybody_else_is_told_the_command(shared):
    os.chmod(shared, 0o755)
    ran = replayed(shared, 12345)
    assert ran.returncode == 1
    assert "sudo -u nobody presence-cli" in ran.stderr
    assert len(raw_lines(shared)) == 0
