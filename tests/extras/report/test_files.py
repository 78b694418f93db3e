"""Which files are read, whatever becomes of them meanwhile, and what is said of those that cannot be."""
import gzip
import json
import os
import threading

import pytest

from presence_receiver.errors import Refused
from presence_receiver.extras.report.files import TRIES, of_folder
from presence_receiver.extras.report.lines import Lines

CLOSED = "presence-20261117T200000.000000Z.jsonl"


def devices(lines):
    return sorted(lines.rows("SELECT count(*) FROM found WHERE is_line GROUP BY device"))


@pytest.fixture
def folder(tmp_path, line):
    """A closed file that is not compressed yet, and the active one."""
    (tmp_path / CLOSED).write_bytes(line(clientMac="A00000000001"))
    (tmp_path / "presence.jsonl").write_bytes(line(clientMac="A00000000002"))
    return tmp_path


def reading(folder, *meanwhile):
    """Read the folder; before the first try is read this happens, before the second that …"""
    events = iter(meanwhile)

    def read(names):
        next(events, lambda: None)()
        return Lines(names)

    return of_folder(folder, "presence", read)


def test_what_is_closed_while_it_is_read_is_read(folder, line):
    def close():
        os.rename(folder / "presence.jsonl", folder / CLOSED.replace("20261117", "20261118"))
        (folder / "presence.jsonl").write_bytes(line(clientMac="A00000000003") * 2)

    lines = reading(folder, close)
    assert devices(lines) == [(1,), (1,)]
    assert [source.path for source in lines.sources] == [str(folder / CLOSED), str(folder / "presence.jsonl")]


def compress(folder):
    (folder / f"{CLOSED}.gz").write_bytes(gzip.compress((folder / CLOSED).read_bytes()))
    (folder / CLOSED).unlink()


def test_what_is_compressed_while_it_is_read_is_read(folder):
    assert devices(reading(folder, lambda: compress(folder))) == [(1,), (1,)]


def test_what_is_deleted_while_it_is_read_was_surplus(folder):
    assert devices(reading(folder, (folder / CLOSED).unlink)) == [(1,)]


def test_files_that_go_for_ever_are_told(folder, line):
    def replace():
        [path] = folder.glob("presence-*")
        path.rename(folder / CLOSED.replace("0000Z", f"{len(seen):04}Z"))
        seen.append(path)

    seen = [None]
    with pytest.raises(Refused) as error:
        reading(folder, *[replace] * TRIES)
    assert str(error.value) == f"{seen[-1]} is gone before it can be read: give the files to read as FILES."


def said(ran):
    return json.loads(ran.stdout)["total"]["observations"]


@pytest.mark.parametrize("name", ["a[1].jsonl", "a*.jsonl", "a?.jsonl", "a\\b.jsonl", "[!a].jsonl", "a{1,2}.jsonl"])
def test_a_name_is_no_pattern(tmp_path, line, report, name):
    (tmp_path / "a1.jsonl").write_bytes(line() * 5)
    (tmp_path / name).write_bytes(line())
    ran = report(tmp_path / name, "--output", "json")
    assert (said(ran), json.loads(ran.stdout)["files"][0]["path"]) == (1, str(tmp_path / name))


def test_a_folder_whose_name_is_a_pattern(tmp_path, line, report):
    folder = tmp_path / "[a-z]*"
    folder.mkdir()
    (folder / "presence.jsonl").write_bytes(line())
    assert said(report("--data-dir", folder, "--output", "json")) == 1


def test_a_file_that_is_given_twice_is_read_once(folder, report):
    (folder / "link").symlink_to(folder / "presence.jsonl")
    (folder / f"{CLOSED}.gz").write_bytes(gzip.compress((folder / CLOSED).read_bytes())[:-3])
    ran = report(*[folder / name for name in ("presence.jsonl", "link", "presence.jsonl", CLOSED, f"{CLOSED}.gz")],
                 "--output", "json")
    assert (ran.stderr, said(ran)) == ("", 2)


def test_files_and_a_folder_are_two_reports(folder, report):
    ran = report(folder / "presence.jsonl", "--data-dir", folder)
    assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (
        2, "Error: FILES and --data-dir are two reports: give one of them.")


def test_what_can_be_read_once_only(folder, report):
    os.mkfifo(folder / "fifo")
    threading.Thread(target=(folder / "fifo").write_bytes, args=[(folder / CLOSED).read_bytes()]).start()
    ran = report(folder / "fifo", folder / "presence.jsonl", "--output", "json")
    assert (said(ran), [file["path"] for file in json.loads(ran.stdout)["files"]]) == (
        2, [str(folder / "fifo"), str(folder / "presence.jsonl")])


def broken(folder, cut=slice(-9)):
    path = folder / "presence-20261101T000000.000000Z.jsonl.gz"
    path.write_bytes(gzip.compress((folder / CLOSED).read_bytes() * 100)[cut])
    return path, f"{path} is left out, for it cannot be read to its end: not whole gzip."


@pytest.mark.parametrize("cut", [slice(-9), slice(-4), slice(9), slice(1, None), slice(None, None, -1)])
def test_a_file_that_cannot_be_read_costs_no_other_and_is_told(folder, report, cut):
    path, fault = broken(folder, cut)
    ran = report("--data-dir", folder, "--output", "json")
    assert (ran.exit_code, said(ran), ran.stderr) == (1, 2, f"Error: {fault}\n")
    ran = report("--data-dir", folder, "--html", folder / "page.html")
    assert (ran.exit_code, ran.stderr) == (1, f"Wrote {folder / 'page.html'}.\nError: {fault}\n")
    assert f"<p>{fault}</p>" in (folder / "page.html").read_text()


def test_a_compressed_file_of_which_a_bit_has_changed_is_left_out(folder, report):
    path, fault = broken(folder)
    whole = gzip.compress((folder / CLOSED).read_bytes() * 100)
    path.write_bytes(whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:])
    ran = report("--data-dir", folder, "--output", "json")
    assert (ran.exit_code, said(ran), ran.stderr) == (1, 2, f"Error: {fault}\n")


def test_where_no_file_can_be_read_there_is_no_report(folder, report):
    path, fault = broken(folder)
    ran = report(path)
    assert (ran.exit_code, ran.stdout, ran.stderr) == (1, "", f"Error: {fault}\n")


def test_rejected_files_that_cannot_be_read_cost_no_line(folder, report):
    path = broken(folder)[0].rename(folder / "rejected-20261101T000000.000000Z.jsonl.gz")
    ran = report("--data-dir", folder, "--output", "json")
    assert (ran.exit_code, said(ran), json.loads(ran.stdout)["rejected"]) == (1, 2, [])
    assert ran.stderr == f"Error: {path} is left out, for it cannot be read to its end: not whole gzip.\n"
