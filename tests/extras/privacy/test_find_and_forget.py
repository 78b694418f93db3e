import contextlib
import gzip
import json
import os
import stat

import pytest
from command_line import Terminal, run
from devices import DEVICES, NOTATIONS
from judging import GOOD, NOW, report
from processes import opened
from running import wait_until

from presence_receiver import config
from presence_receiver.extras.privacy import keyed
from presence_receiver.extras.privacy.device import Devices
from presence_receiver.extras.privacy.pseudonyms import Pseudonyms
from presence_receiver.storage import Housekeeping, Writer, housekeeping_lock
from presence_receiver.validation import judge_delivery

ONE, OTHER, _ = DEVICES
OLD, NEW = "the key of last year", "the key of this year"
COLONS = NOTATIONS["colons"](ONE)
STARS = b"*" * 12
NOTHING = "Nothing of the device is in the files."
CLOSED = "presence-20261101T000000.000000Z.jsonl"
COMPRESSED = "presence-20261102T000000.000000Z.jsonl.gz"
ALL_HIS = "presence-20261103T000000.000000Z.jsonl"
NONE_HIS = "presence-20261104T000000.000000Z.jsonl.gz"
REJECTED = "rejected-20261102T000000.000000Z.jsonl.gz"


def lines(*devices, key=None, **more):
    kept = Pseudonyms(key, ())
    body = json.dumps(report(*[GOOD | {"clientMac": device} | more for device in devices])).encode()
    judged = judge_delivery(body, NOW, None, kept)
    return judged.lines + judged.rejected


HIS, HERS = lines(ONE), lines(OTHER)
BODY = judge_delivery(f'[{{"clientMac":"{ONE}"}}'.encode(), NOW).rejected
BEFORE = {
    CLOSED: HERS + HIS + HERS, COMPRESSED: lines(ONE, key=OLD) + HERS + lines(ONE, key=NEW), ALL_HIS: HIS * 2,
    NONE_HIS: HERS * 3, REJECTED: BODY + lines(ONE, rssi="x") + lines(OTHER, rssi="x"),
}
AFTER = {
    CLOSED: HERS + HERS, COMPRESSED: HERS, NONE_HIS: HERS * 3,
    REJECTED: BODY.replace(ONE.encode(), STARS) + lines(OTHER, rssi="x"),
}


def written(path, content):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def contents(folder):
    return {path.name: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in BEFORE.items():
        written(folder / name, content)
    monkeypatch.setenv("PRESENCE_DATA_DIR", str(folder))
    monkeypatch.setenv("PRESENCE_MAC_KEY", NEW)
    monkeypatch.setenv("PRESENCE_PREVIOUS_MAC_KEYS", OLD)
    return folder


def test_a_new_key_is_another_one_each_time_and_long_enough():
    first, second = run("new-key").out, run("new-key").out
    assert first != second
    assert config.load({"PRESENCE_MAC_KEY": first.strip()}, needs_secret=False).mac_key == first.strip()


@pytest.mark.parametrize("given", [ONE, COLONS, NOTATIONS["cisco"](ONE)])
def test_all_lines_of_a_device_are_found_by_either_key_and_raw_in_every_file(folder, given):
    written(folder / "presence.jsonl", HIS + HERS)
    found = run("find", given)
    expected = HIS + lines(ONE, key=OLD) + lines(ONE, key=NEW) + HIS * 3 + BODY + lines(ONE, rssi="x")
    assert found.parts == (0, expected.decode(), f"{len(expected.splitlines())} lines found.\n")


def test_lines_that_cannot_be_looked_through_without_a_key_are_told(folder, monkeypatch):
    monkeypatch.delenv("PRESENCE_MAC_KEY")
    monkeypatch.delenv("PRESENCE_PREVIOUS_MAC_KEYS")
    told = "Warning: Lines here have pseudonyms: without PRESENCE_MAC_KEY no device is found in them by its address.\n"
    stranger = "000000000001"
    assert run("find", stranger).parts == (1, "", f"0 lines found.\n{told}")
    assert run("forget", stranger, "--dry-run").err.endswith(told)
    assert run("forget", stranger, "--yes").err.count(told) == 1
    assert run("find", "0" * 32).parts == (1, "", "0 lines found.\n")
    assert run("find", stranger, env={"PRESENCE_MAC_KEY": NEW}).parts == (1, "", "0 lines found.\n")
    (folder / COMPRESSED).unlink()
    assert run("find", stranger).parts == (1, "", "0 lines found.\n")
    written(folder / "rejected.jsonl", lines(OTHER, key=NEW, rssi="x"))
    assert run("find", stranger).parts == (1, "", f"0 lines found.\n{told}")


def test_a_pseudonym_may_be_asked_for(folder):
    found = run("find", keyed.pseudonyms(OLD)(ONE))
    assert found.parts == (0, lines(ONE, key=OLD).decode(), "1 line found.\n")


def test_nothing_found_is_an_exit_of_1_and_what_is_no_device_a_sentence(folder):
    assert run("find", "000000000001").parts == (1, "", "0 lines found.\n")
    no_device = "Error: That is no device: give its address, 12 hex digits with or without colons, or what stands in " \
                "clientMac.\n"
    assert run("find", "5cb901642e6").parts == (1, "", no_device)
    assert run("forget", ONE, "5cb901642e6").parts == (1, "", no_device)
    nowhere = folder / "none"
    missing = f"Error: {nowhere} is no folder: give the receiver's as --data-dir.\n"
    for command in ("find", "forget"):
        assert run(command, ONE, "--data-dir", str(nowhere)).parts == (1, "", missing)
    assert not nowhere.exists()


def test_a_device_is_taken_out_of_all_closed_files_and_the_rest_is_as_it_was(folder):
    inode = (folder / NONE_HIS).stat().st_ino
    os.chmod(folder / COMPRESSED, 0o604)
    ran = run("forget", COLONS, "--yes")
    said = ran.err.splitlines()
    assert (ran.code, ran.out, said[:-1]) == (0, "", [
        f"{CLOSED}: 1 line.", f"{COMPRESSED}: 2 lines.", f"{ALL_HIS}: 2 lines.",
        f"{REJECTED}: 1 line and 1 address in others.",
        "6 lines and 1 address in others forgotten in 4 files."])
    assert said[-1].startswith("What came after 20") and said[-1].endswith("Z was not looked at.")
    assert contents(folder) == AFTER
    assert (folder / NONE_HIS).stat().st_ino == inode
    assert stat.S_IMODE((folder / COMPRESSED).stat().st_mode) == 0o604
    hidden = {path.name for path in folder.iterdir() if path.name.startswith(".")}
    assert hidden == {".presence.lock", ".housekeeping.lock"}
    assert run("find", ONE).code == 1
    again = run("forget", ONE, "--yes")
    assert (again.code, again.err.splitlines()[0]) == (0, NOTHING)
    assert again.err.splitlines()[1].startswith("What came after ")


def test_what_is_in_the_growing_files_goes_too_since_they_are_closed_first(folder):
    written(folder / "presence.jsonl", HIS + HERS)
    written(folder / "rejected.jsonl", BODY)
    assert run("forget", ONE, "--yes").code == 0
    found = contents(folder)
    assert found.pop("presence.jsonl") == found.pop("rejected.jsonl") == b""
    more = {name: content for name, content in found.items() if name not in AFTER}
    assert sorted(more.values()) == sorted([HERS, BODY.replace(ONE.encode(), STARS)])
    Writer(config.load({"PRESENCE_DATA_DIR": str(folder)}, needs_secret=False)).append(HERS, b"")
    assert contents(folder)["presence.jsonl"] == HERS


def test_a_torn_tail_is_looked_at_too(folder):
    written(folder / "presence.jsonl", HERS + HIS[:-9])
    assert run("forget", ONE, "--yes").code == 0
    assert ONE.upper().encode() not in b"".join(contents(folder).values()).upper()
    assert run("find", ONE).code == 1


@pytest.mark.parametrize("name", [f".odd-{ALL_HIS}", f".{COMPRESSED}.tmp", f".{NONE_HIS}.rewritten"])
def test_what_a_crash_left_hidden_is_no_hiding_place(folder, name):
    (folder / name).write_bytes(HIS + b"\0\0\n" + HERS)
    (folder / ALL_HIS).unlink()
    assert run("forget", ONE, "--yes").code == 0
    assert [path.name for path in folder.iterdir() if ONE.upper().encode() in path.read_bytes().upper()] == []


def test_of_a_file_and_its_copy_that_was_being_compressed_both_are_cleaned(folder):
    written(folder / f"{CLOSED}.gz", BEFORE[CLOSED])
    assert run("forget", ONE, "--yes").code == 0
    expected = {name: content for name, content in AFTER.items() if name != CLOSED}
    assert contents(folder) == expected | {f"{CLOSED}.gz": AFTER[CLOSED]}


def test_a_dry_run_counts_and_changes_nothing(folder):
    written(folder / "presence.jsonl", HIS)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ran = run("forget", ONE, "--dry-run")
    assert ran.parts == (0, "", "\n".join([
        f"{CLOSED}: 1 line.", f"{COMPRESSED}: 2 lines.", f"{ALL_HIS}: 2 lines.", "presence.jsonl: 1 line.",
        f"{REJECTED}: 1 line and 1 address in others.", "7 lines and 1 address in others found in 5 files.", ""]))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_without_a_terminal_it_needs_yes(folder):
    ran = run("forget", ONE)
    assert (ran.code, ran.err.splitlines()[-1]) == (
        1, "Error: Nothing was forgotten, since nobody can be asked without a terminal: give --yes.")
    assert contents(folder) == BEFORE


@pytest.mark.parametrize("answer, code, after", [("n\n", 1, BEFORE), ("y\n", 0, AFTER)])
def test_at_a_terminal_it_asks(folder, answer, code, after):
    with Terminal("forget", ONE, env={}) as terminal:
        terminal.wait_for("Forget 7 lines?")
        terminal.type(answer)
        assert terminal.end() == code
    assert contents(folder) == after


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_where_nothing_is_of_the_device_it_says_so_and_asks_nothing(folder, options):
    written(folder / "presence.jsonl", HERS)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run("forget", "000000000001", *options).parts == (0, "", f"{NOTHING}\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_put_aside_as_odd_is_looked_through_before_it_says_so(folder):
    (folder / f".odd-{NONE_HIS.removesuffix('.gz')}").write_bytes(HERS + b"\0\0\n" + lines("5CB901642E61"))
    assert run("forget", "5CB901642E61", "--dry-run").err.splitlines()[-1] == "1 line found in 1 file."


def test_where_a_file_cannot_be_read_it_does_not_say_that_nothing_is_there(folder):
    (folder / COMPRESSED).write_bytes(gzip.compress(BEFORE[COMPRESSED])[:-9])
    assert run("forget", "000000000001").parts == (
        1, "", f"Error: {COMPRESSED} is as it was: not whole gzip. Run it again when that is mended.\n")


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_cleaned(folder):
    (folder / COMPRESSED).write_bytes(gzip.compress(BEFORE[COMPRESSED])[:-9])
    before = (folder / COMPRESSED).read_bytes()
    ran = run("forget", ONE, "--yes")
    assert (ran.code, ran.err.splitlines()[-1]) == (
        1, f"Error: {COMPRESSED} is as it was: not whole gzip. Run it again when that is mended.")
    assert (folder / COMPRESSED).read_bytes() == before
    (folder / COMPRESSED).unlink()
    assert contents(folder) == {name: content for name, content in AFTER.items() if name != COMPRESSED}
    (folder / COMPRESSED).write_bytes(before)


def test_what_can_be_read_is_shown_and_each_other_file_is_named(folder):
    (folder / COMPRESSED).write_bytes(gzip.compress(BEFORE[COMPRESSED] * 99)[:-9])
    (folder / REJECTED).write_bytes(b"no gzip")
    ran = run("find", ONE)
    error = (f"Error: {folder / COMPRESSED} cannot be read to its end: not whole gzip. "
             f"{folder / REJECTED} cannot be read to its end: not whole gzip. More lines may be in there.")
    assert (ran.code, ran.err.splitlines()[1:]) == (1, [error])
    assert ran.out.encode().startswith(HIS + lines(ONE, key=OLD))
    assert ran.out.encode().endswith(HIS * 2)


def test_with_a_bucket_it_says_what_to_do_first(folder):
    ran = run("forget", ONE, "--yes", env={"PRESENCE_BUCKET_URL": "s3://presence"})
    assert (ran.code, ran.err.splitlines()[0]) == (
        0, "Warning: What is in the bucket at PRESENCE_BUCKET_URL is not looked at: run `presence-cli collect --once` "
        "before, and forget in the folder that it fills.")


def test_the_key_is_shown_nowhere(folder):
    for args in (["find", ONE], ["forget", ONE, "--yes"], ["-v", "find", "nobody"]):
        ran = run(*args)
        assert NEW not in ran.out + ran.err and OLD not in ran.out + ran.err


def test_while_it_works_deliveries_are_stored_and_housekeeping_waits(folder):
    settings = config.load({"PRESENCE_DATA_DIR": str(folder)}, needs_secret=False)
    writer, housekeeping = Writer(settings), Housekeeping(settings)
    with Housekeeping(settings).paused():
        writer.append(HERS, b"")
        housekeeping.run_round()
        assert {CLOSED, ALL_HIS} <= {path.name for path in folder.iterdir()}
    housekeeping.run_round()
    assert not (folder / CLOSED).exists()
    assert (folder / f"{CLOSED}.gz").exists()


def test_it_waits_for_who_changes_closed_files(folder):
    with contextlib.ExitStack() as held:
        held.enter_context(housekeeping_lock(folder).held())
        with Terminal("forget", ONE, "--yes", env={}) as terminal:
            wait_until(lambda: "/.housekeeping.lock" in open_files(terminal.process.pid), what="it to ask for the lock")
            assert contents(folder) == BEFORE
            Writer(config.load({"PRESENCE_DATA_DIR": str(folder)}, needs_secret=False)).append(HIS, b"")  # as replay
            held.close()
            assert terminal.process.wait(20) == 0
    assert not any(ONE.encode() in content for content in contents(folder).values())


def open_files(process):
    return " ".join(opened(process))


def test_a_body_that_could_not_be_read_tells_of_its_pseudonyms_too():
    line = judge_delivery(f'[{{"clientMac":"{ONE}"'.encode(), NOW, None, Pseudonyms(NEW, ())).rejected
    devices = Devices([OTHER], [])
    assert b'"randomised":' not in line and not devices.are_in(line) and devices.may_be_missed
