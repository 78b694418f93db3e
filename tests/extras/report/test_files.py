"""Which files are read, whatever becomes of them meanwhile, and what is said of those that cannot be."""
import functools
import gzip
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from presence_receiver.extras.report.batches import MOST_FILES
from presence_receiver.extras.report.files import named, of_folder
from presence_receiver.extras.report.lines import Lines

CLOSED = "presence-20261117T200000.000000Z.jsonl"
PRESENCE_CLI = Path(sys.executable).with_name("presence-cli")


def devices(lines):
    return sorted(lines.rows("SELECT count(*) FROM found WHERE is_line GROUP BY device"))


@pytest.fixture
def folder(tmp_path, line):
    """A closed file that is not compressed yet, and the active one."""
    (tmp_path / CLOSED).write_bytes(line(clientMac="A00000000001"))
    (tmp_path / "presence.jsonl").write_bytes(line(clientMac="A00000000002"))
    return tmp_path


def compress(path):
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def test_what_is_closed_while_it_is_read_is_read(folder, line):
    with of_folder(folder, "presence") as inputs:
        os.rename(folder / "presence.jsonl", folder / CLOSED.replace("20261117", "20261118"))
        (folder / "presence.jsonl").write_bytes(line(clientMac="A00000000003") * 2)
        lines = Lines(inputs)
    assert devices(lines) == [(1,), (1,)]
    assert [source.path for source in lines.sources] == [str(folder / CLOSED), str(folder / "presence.jsonl")]


def test_what_is_compressed_while_it_is_read_is_read(folder):
    with of_folder(folder, "presence") as inputs:
        compress(folder / CLOSED)
        lines = Lines(inputs)
    assert (devices(lines), lines.faults) == ([(1,), (1,)], [])


def test_what_is_deleted_while_it_is_read_was_surplus(folder):
    with of_folder(folder, "presence") as inputs:
        (folder / CLOSED).unlink()
        lines = Lines(inputs)
    assert (devices(lines), lines.faults) == ([(1,)], [])


def test_files_that_are_more_than_can_be_open_at_once_while_all_of_them_are_compressed(tmp_path, line):
    names = [tmp_path / CLOSED.replace("000000Z", f"{number:06}Z") for number in range(2 * MOST_FILES + 50)]
    for number, path in enumerate(names):
        path.write_bytes(line(clientMac=f"A0000000{number:04X}") * (number + 1))
    (tmp_path / "presence.jsonl").write_bytes(line(clientMac="B00000000000"))
    with of_folder(tmp_path, "presence") as inputs:
        housekeeping = threading.Thread(target=lambda: [compress(path) for path in reversed(names)])
        housekeeping.start()
        lines = Lines(inputs)
        housekeeping.join()
    assert [source.lines for source in lines.sources] == [*range(1, len(names) + 1), 1]
    assert len(devices(lines)) == len(names) + 1


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("elsewhere.jsonl"), Path.mkdir, os.mkfifo])
def test_an_active_file_that_is_none_is_told(folder, report, make):
    (folder / "presence.jsonl").rename(folder / "elsewhere.jsonl")
    make(folder / "presence.jsonl")
    ran = report("--data-dir", folder, "--output", "json")
    assert (ran.exit_code, said(ran), ran.stderr) == (
        1, 1, f"Error: {folder / 'presence.jsonl'} is no plain file and is not read.\n")


def said(ran):
    return json.loads(ran.stdout)["total"]["observations"]


@pytest.mark.parametrize("name", ["~", "file:a", "http:a", "a\\[1].jsonl"])
def test_a_name_is_no_address(tmp_path, line, monkeypatch, report, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(line())
    assert said(report(name, "--output", "json")) == 1
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name).mkdir()
    (tmp_path / name).rename(tmp_path / "folder" / name / "presence.jsonl")
    monkeypatch.chdir(tmp_path / "folder")
    assert said(report("--data-dir", name, "--output", "json")) == 1


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
    (folder / "same").symlink_to(".")
    (folder / f"{CLOSED}.gz").write_bytes(gzip.compress((folder / CLOSED).read_bytes())[:-3])
    ran = report(*[folder / name for name in (
        "presence.jsonl", "link", "presence.jsonl", CLOSED, f"{CLOSED}.gz", f"same/{CLOSED}.gz")], "--output", "json")
    assert (ran.stderr, said(ran)) == ("", 2)


def test_a_file_and_a_compressed_one_that_housekeeping_does_not_make_of_it_are_two(folder, line, report):
    (folder / "presence.jsonl.gz").write_bytes(gzip.compress(line()))
    assert said(report(folder / "presence.jsonl", folder / "presence.jsonl.gz", "--output", "json")) == 2


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("most", [64, 256])
def test_where_few_files_may_be_open_all_are_read(tmp_path, line, pack, most):
    for number in range(3 * MOST_FILES):
        (tmp_path / f"{number}.jsonl").write_bytes(pack(line()))
    script = f'ulimit -n {most}; exec "$0" report *.jsonl --output csv --by ap'
    ran = subprocess.run(["sh", "-c", script, PRESENCE_CLI], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.stderr, ran.stdout.splitlines()[1:]) == ("", [f"C413E2000040,1,0,{3 * MOST_FILES},0,-50"])


@pytest.mark.parametrize("also", [[], [f"{CLOSED}.gz"]])
def test_a_named_file_that_is_compressed_before_it_is_opened_is_read(folder, also):
    inputs = named([str(folder / name) for name in ["presence.jsonl", CLOSED, *also]])
    compress(folder / CLOSED)
    lines = Lines(inputs)
    assert (devices(lines), lines.faults) == ([(1,), (1,)], [])


@pytest.mark.parametrize("names", [["-", CLOSED], [CLOSED, "-"], ["-", "/dev/stdin"], ["/dev/fd/0", "-"], ["-", "-"]])
def test_standard_input_that_is_given_twice_is_read_once(folder, names):
    with (folder / CLOSED).open("rb") as stdin:
        ran = subprocess.run([PRESENCE_CLI, "report", *names, "--output", "csv", "--by", "ap"], cwd=folder, stdin=stdin,
                             capture_output=True, text=True)
    assert (ran.stderr, ran.stdout.splitlines()[1:]) == ("", ["C413E2000040,1,0,1,0,-50"])


INTERRUPTED = """
import os, signal, sys, threading
from presence_receiver.extras.report.files import named
from presence_receiver.extras.report.lines import Lines
lines = Lines(named(sys.argv[1:2]))
try:
    threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGINT)).start()
    lines.rows("SELECT count(*) FROM range(1000000000000) AS numbers(n) WHERE hash(n) = 1")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("seconds", ["0", "0.01", "0.2", "0.5"])
def test_whatever_duckdb_is_at_a_report_can_be_interrupted(folder, seconds):
    command = [sys.executable, "-c", INTERRUPTED, folder / CLOSED, seconds]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ran.stderr, ran.stdout[-12:]) == ("", "interrupted\n")  # DuckDB may have shown how far it was


def test_a_file_that_is_gone_before_it_is_opened_is_told(folder):
    lines = Lines(named([str(folder / CLOSED), str(folder / "gone")]))
    assert (devices(lines), lines.faults) == ([(1,)], [
        f"{folder / 'gone'} is left out, for it cannot be read to its end: No such file or directory."])


def test_files_and_a_folder_are_two_reports(folder, report):
    ran = report(folder / "presence.jsonl", "--data-dir", folder)
    assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (
        2, "Error: FILES and --data-dir are two reports: give one of them.")


def test_what_can_be_read_once_only(folder, report):
    os.mkfifo(folder / "fifo")
    threading.Thread(target=(folder / "fifo").write_bytes, args=[(folder / CLOSED).read_bytes()]).start()
    ran = report(folder / "fifo", folder / "presence.jsonl", folder / "fifo", "--output", "json")
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


def gzip_of(packed, flags=0, extra=b"", behind=b""):
    return packed[:3] + bytes([flags]) + packed[4:10] + extra + packed[10:] + behind


@pytest.mark.parametrize("odd", [
    {"flags": 16, "extra": b"a comment\0"}, {"flags": 8, "extra": b"a name\0"}, {"behind": bytes(512)}])
@pytest.mark.parametrize("name", ["a.jsonl.gz", "A.JSONL.GZ", "no-suffix"])
def test_whatever_gzip_takes_for_whole_is_read(tmp_path, line, report, odd, name):
    (tmp_path / name).write_bytes(gzip.compress(line()) + gzip_of(gzip.compress(line()), **odd))
    ran = report(tmp_path / name, "--output", "json")
    assert (ran.stderr, said(ran)) == ("", 2)


def test_a_compressed_file_of_an_upper_case_name_is_checked_too(tmp_path, line, report):
    (tmp_path / "A.GZ").write_bytes(gzip.compress(line())[1:])
    ran = report(tmp_path / "A.GZ")
    assert (ran.exit_code, ran.stderr) == (
        1, f"Error: {tmp_path / 'A.GZ'} is left out, for it cannot be read to its end: not whole gzip.\n")


def test_a_file_whose_name_is_a_dash_and_one_that_is_no_text(tmp_path, line):
    odd = os.fsdecode(b"\xff\x1b[1m.jsonl")
    for name in ("-", odd):
        (tmp_path / name).write_bytes(line())
    command = [PRESENCE_CLI, "report", "./-", odd]
    ran = subprocess.run([*command, "--output", "json"], cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL)
    files = [(file["path"], file["lines"]) for file in json.loads(ran.stdout)["files"]]
    assert files == [("./-", 1), ("  [1m.jsonl", 1)]
    ran = subprocess.run([*command, "--html", "-"], cwd=tmp_path, capture_output=True)
    assert (ran.returncode, ran.stderr, ran.stdout[:15]) == (0, b"", b"<!DOCTYPE html>")


def test_standard_input_that_cannot_be_read(tmp_path):
    with open(tmp_path / "file", "wb") as write_only:
        ran = subprocess.run([PRESENCE_CLI, "report", "-"], stdin=write_only, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (
        1, "Error: standard input is left out, for it cannot be read to its end: Bad file descriptor.\n")


def write_long(path, before, count, after):
    with path.open("wb") as file:
        file.write(before + b"a" * count + after)


@pytest.mark.slow
def test_a_rejected_line_may_be_six_times_as_long_as_a_body(folder, report):
    before = b'{"receivedAt":"2026-11-17T20:15:00.000000Z","errors":{"_schema":["No."]},"body":"'
    write_long(folder / "rejected.jsonl", before, 6 * (16 << 20), b'"}\n')
    ran = report("--data-dir", folder, "--output", "json")
    assert (ran.exit_code, ran.stderr, json.loads(ran.stdout)["rejected"]) == (0, "", [{"reason": "No.", "lines": 1}])


@pytest.mark.slow
def test_a_line_that_is_too_long_for_any_receiver_costs_no_other_file(folder, report):
    write_long(folder / "long.jsonl", b'{"receivedAt":"', 130 << 20, b'"}\n')
    ran = report(folder / CLOSED, folder / "long.jsonl", "--output", "json")
    assert (ran.exit_code, said(ran)) == (1, 1)
    assert ran.stderr.startswith(f"Error: {folder / 'long.jsonl'} is left out, for DuckDB cannot read it: ")
    assert "/dev/fd" not in ran.stderr


def limited(blocks, *args):
    """The exit status, output and first line to stderr of a report where no file may be larger, in blocks of 512 bytes.

    More come where coverage is measured, which then has no room either.
    """
    ran = subprocess.run(["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", PRESENCE_CLI, "report", *args],
                         capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr.splitlines()[0]


@pytest.mark.parametrize("count", [30, 1000])
def test_without_room_for_a_copy_there_is_no_report(folder, line, count):
    (folder / f"{CLOSED}.gz").write_bytes(gzip.compress(line() * count))
    (folder / CLOSED).unlink()
    assert limited(8, "--data-dir", folder) == (
        1, "", "Error: The temporary folder cannot be used (File too large): set TMPDIR to a folder with room.")


@pytest.mark.parametrize("most", ["50MB", "200MB"])
def test_without_memory_for_a_line_there_is_no_report(folder, report, monkeypatch, most):
    monkeypatch.setattr(duckdb, "connect", functools.partial(duckdb.connect, config={"memory_limit": most}))
    (folder / "rejected.jsonl").write_bytes(b"")
    ran = report("--data-dir", folder, "--output", "json")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Error: DuckDB cannot count the lines: Out of Memory Error: ")


def test_a_temporary_folder_whose_name_is_no_text(folder):
    odd = folder / os.fsdecode(b"tmp\xff")
    odd.mkdir()
    ran = subprocess.run([PRESENCE_CLI, "report", "--data-dir", folder], capture_output=True, text=True,
                         env=os.environ | {"TMPDIR": str(odd)})
    assert (ran.returncode, ran.stderr) == (
        1, "Error: The temporary folder's name is no UTF-8: set TMPDIR to another one.\n")


def test_without_room_for_a_page_the_older_one_stays(folder, report):
    page = folder / "page.html"
    report("--data-dir", folder, "--html", page)
    before = page.read_bytes()
    assert limited(8, "--data-dir", folder, "--html", page) == (
        1, "", f"Error: {page} cannot be written: File too large.")
    assert page.read_bytes() == before and not [*folder.glob(".*")]
