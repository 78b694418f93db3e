"""Links, FIFOs and folders under our names, and files that another user makes; some of it needs root."""
import json
import os
import subprocess
import sys

import pytest
from other_user import NOBODY, give_away, needs_root, reachable_folder
from reading import raw_lines
from running import Receiver
from storage.test_active_file import line, settings, writer

from presence_receiver.errors import NotReplayed
from presence_receiver.extras.replay.rewriting import replay
from presence_receiver.storage import Housekeeping, compression, stored_lines


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


CLOSED = "presence-20261101T000000.000000Z.jsonl"
REJECTED = json.dumps({
    "receivedAt": "2026-11-22T20:15:00Z", "errors": {}, "report": {"ownerId": 1, "apMac": "C413E2008040"},
    "observation": {"clientMac": "5CB901642E60", "seenEpoch": 1},
}).encode() + b"\n"


@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "folder"])
def test_a_closed_file_in_whose_compressed_ones_place_something_else_is_stays_as_it_is(tmp_path, what, monkeypatch):
    packed = []
    monkeypatch.setattr(compression, "compress", packed.append)
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / CLOSED).write_bytes(line("a"))
    put(tmp_path / f"{CLOSED}.gz", what)
    for house in (Housekeeping(settings(tmp_path)), Housekeeping(settings(tmp_path, COMPRESS="gzip"))):
        house.run_round()
        with house.paused():
            assert packed == [] and (tmp_path / CLOSED).exists()


@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "folder"])
@pytest.mark.parametrize("name", [CLOSED, f"{CLOSED}.gz", f".odd-{CLOSED}", f".{CLOSED}.gz.tmp", f".{CLOSED}.apart",
                                  ".presence.jsonl.next", ".replay.draft"])
def test_under_hidden_and_closed_names_nothing_is_read_or_written_through(tmp_path, name, what):
    (tmp_path / "elsewhere").write_bytes(b"mine")
    put(tmp_path / name, what)
    other, odd = CLOSED.replace("1101", "1102"), CLOSED.replace("1101", "1103")
    (tmp_path / other).write_bytes(line("a"))
    (tmp_path / f".odd-{odd}").write_bytes(line("b") + b"odd\n")
    if "apart" in name:
        (tmp_path / f".odd-{CLOSED}").write_bytes(line("x") + b"odd\n")
    one = writer(tmp_path, ROTATE_BYTES=1)
    one.append(line("c"), b"")
    one.append(line("d"), b"")
    (tmp_path / "kept.jsonl").write_bytes(REJECTED)
    assert replay(tmp_path / "kept.jsonl", settings(tmp_path)).accepted == 1
    Housekeeping(settings(tmp_path, COMPRESS="gzip", KEEP_BYTES=10**6)).run_round()
    assert (tmp_path / "elsewhere").read_bytes() == b"mine" and not (tmp_path / "nowhere").exists()
    assert (tmp_path / f"{other}.gz").exists() and (tmp_path / f"{odd}.gz").exists()
    texts = [json.loads(text).get("text", "-") for text in stored_lines(tmp_path, "presence")]
    assert sorted(texts) == ["-", "a", "b", "c", "d", *["x"] * ("apart" in name)]


@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "folder"])
def test_a_compressed_copy_is_written_through_nothing(tmp_path, what):
    (tmp_path / "elsewhere").write_bytes(b"mine")
    put(tmp_path / f".{CLOSED}.gz.tmp", what)
    (tmp_path / CLOSED).write_bytes(line("a"))
    compression.compress(tmp_path / CLOSED)
    assert (tmp_path / "elsewhere").read_bytes() == b"mine" and not (tmp_path / "nowhere").exists()
    assert len(raw_lines(tmp_path)) == 1


def test_a_folder_under_a_hidden_name_keeps_nothing_else_from_being_swept(tmp_path):
    names = [f".{CLOSED.replace('1101', day)}.gz.tmp" for day in ("1101", "1102", "1103")]
    for name in names:
        (tmp_path / name).touch()
    first = os.listdir(tmp_path)[0]
    (tmp_path / first).unlink()
    (tmp_path / first).mkdir()
    Housekeeping(settings(tmp_path)).run_round()
    assert [name for name in names if (tmp_path / name).exists()] == [first]


@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "folder"])
def test_while_no_file_is_there_housekeeping_waits_for_no_lock_that_is_none(tmp_path, what):
    put(tmp_path / ".presence.lock", what)
    Housekeeping(settings(tmp_path)).run_round()
    Housekeeping(settings(tmp_path)).run_round()


@pytest.mark.parametrize("what", ["link", "fifo"])
def test_replay_takes_a_plain_file(tmp_path, what):
    (tmp_path / "elsewhere").write_bytes(b"mine")
    path = tmp_path / "rejected-20261101T000000.000000Z.jsonl"
    put(path, what)
    with pytest.raises(NotReplayed) as error:
        replay(path, settings(tmp_path))
    assert str(error.value) == f"{path} could not be replayed: There is no plain file of that name."
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"


@pytest.mark.parametrize("what", ["link", "fifo"])
def test_what_is_no_plain_file_is_told_once(tmp_path, what, caplog):
    put(tmp_path / CLOSED, what)
    keeper = Housekeeping(settings(tmp_path, KEEP_FILES=1))
    keeper.run_round()
    assert caplog.messages == [f"{CLOSED} is no plain file and is left alone: move it away."]


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
    needs_root()
    with reachable_folder() as folder:
        seen = {"report": {"ownerId": 1, "apMac": "C413E2008040"},
                "observation": {"clientMac": "5CB901642E60", "seenEpoch": 1}, "errors": {}}
        (folder / "rejected.jsonl").write_text(json.dumps({"receivedAt": "2026-11-22T20:15:00Z", **seen}) + "\n")
        (folder / ".presence.lock").touch(0o600)
        give_away(folder)
        yield folder


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


def test_root_replays_from_where_nobody_else_may_be(shared, tmp_path):
    tmp_path.chmod(0o700)
    folder = os.path.relpath(shared, tmp_path)
    ran = subprocess.run([sys.executable, "-c", REPLAY, "replay", f"{folder}/rejected.jsonl"], cwd=tmp_path,
                         env=os.environ | {"PRESENCE_DATA_DIR": folder}, capture_output=True, text=True)
    assert (ran.returncode, len(raw_lines(shared))) == (0, 1), ran.stderr


def test_made_up_lines_in_a_folder_of_the_receivers_are_the_receivers():
    needs_root()
    with reachable_folder() as folder:
        give_away(folder)
        script = ("import rich.progress; from presence_receiver.extras.simulation import command; "
                  "from presence_receiver.cli import main; main.main()")
        ran = subprocess.run([sys.executable, "-c", script, "simulate", "--into", folder, "--duration", "60"],
                             capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        assert {path.stat().st_uid for path in folder.iterdir()} == {NOBODY}


FORGET = """
import rich.progress, _strptime
from presence_receiver.cli import main
from presence_receiver.extras.privacy import forget_command
from presence_receiver.storage import Housekeeping, Writer
main.main()
"""


def test_what_root_forgets_leaves_files_of_the_receivers(shared):
    his = line("a").replace(b'"text"', b'"clientMac":"5CB901642E60","text"')
    (shared / "presence.jsonl").write_bytes(line("b") + his)
    give_away(shared)
    ran = subprocess.run([sys.executable, "-c", FORGET, "forget", "5CB901642E60", "--yes", "--data-dir", shared],
                         capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert {path.stat().st_uid for path in shared.iterdir()} == {NOBODY}


def test_root_keeps_no_group_either(shared):
    script = ("import os, sys; from pathlib import Path; from presence_receiver.storage import become_owner; "
              "os.setgroups([0]); become_owner(Path(sys.argv[1])); print(os.getgroups())")
    ran = subprocess.run([sys.executable, "-c", script, shared], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_what_only_root_can_read_is_told(shared):
    path = shared / "rejected.jsonl"
    os.chown(path, 0, 0)
    os.chmod(path, 0o600)
    ran = replayed(shared)
    assert (ran.returncode, ran.stderr) == (
        1, f"Error: {path} could not be replayed: nobody, whose the lines are, must be able to read it and to write "
           "beside it.\n")
    assert len(raw_lines(shared)) == 0 and len(raw_lines(shared, "rejected")) == 1


def test_anybody_else_is_told_the_command(shared):
    os.chmod(shared, 0o755)
    ran = replayed(shared, 12345)
    assert ran.returncode == 1
    assert "sudo -u nobody presence-cli" in ran.stderr
    assert len(raw_lines(shared)) == 0


def test_anybody_else_is_told_the_command_where_the_folder_is_closed_to_him(shared):
    os.chmod(shared, 0o750)
    assert owned(shared, 12345) == f"The files in {shared} belong to nobody: run this as sudo -u nobody presence-cli\n"
    assert owned(shared / "inner", 12345) == (
        f"{shared / 'inner'} lies in a folder that is closed to you: run this as the receiver's user.\n")


def test_what_to_replay_is_looked_for_by_who_may_look(shared):
    os.chmod(shared, 0o750)
    ran = replayed(shared, 12345)
    assert (ran.returncode, ran.stderr) == (
        1, f"Error: The files in {shared} belong to nobody: run this as sudo -u nobody presence-cli\n")
    (shared / "empty").mkdir()
    ran = replayed(shared / "empty")
    assert ran.returncode == 2 and ran.stderr.endswith(f"{shared}/empty/rejected.jsonl does not exist.\n")


def test_without_a_lock_file_the_folder_says_whose_the_files_are(shared):
    (shared / ".presence.lock").unlink()
    (shared / "rejected.jsonl").rename(shared / "rejected-20261101T000000.000000Z.jsonl")
    assert owned(shared, 12345) == f"The files in {shared} belong to nobody: run this as sudo -u nobody presence-cli\n"
    assert owned(shared) == "65534\n"
    os.chmod(shared, 0o755)  # he may read, and makes no files
    assert owned(shared, 12345) == f"The files in {shared} belong to nobody: run this as sudo -u nobody presence-cli\n"
    os.chmod(shared, 0o777)
    assert owned(shared, 12345) == "12345\n"
    os.chown(shared, 0, 0)
    assert owned(shared) == "0\n"
    (shared / "rejected-20261101T000000.000000Z.jsonl").rename(shared / "rejected.jsonl")
    assert owned(shared) == "65534\n"  # as in a volume of a group's, or a backup that was put back
    assert owned(shared / "not-there") == "0\n"


def test_a_file_is_no_data_folder(shared):
    (shared / "itself").symlink_to(shared / "itself")
    for path in (shared / "itself", shared / ("x" * 300)):
        assert owned(path) == f"{path} is no folder: give the receiver's as --data-dir.\n"
    path = shared / "rejected.jsonl"
    assert owned(path) == f"{path} is no folder: give the receiver's as --data-dir.\n"


OWNED = """
import os, sys
from pathlib import Path
from presence_receiver.storage import become_owner
from presence_receiver.errors import Refused
for user in map(int, sys.argv[2:]):
    os.setresuid(user, user, user)
try:
    become_owner(Path(sys.argv[1]))
    print(os.geteuid())
except Refused as error:
    print(error)
"""


def owned(folder, *user):
    """Whose the files would be, or what is said against it."""
    ran = subprocess.run([sys.executable, "-c", OWNED, folder, *map(str, user)], capture_output=True, text=True)
    assert ran.stderr == ""
    return ran.stdout
