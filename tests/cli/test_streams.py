import errno
import re
import subprocess

import pytest
from command_line import command

from presence_receiver.cli import streams

DEVICE = "5CB901642E60"
LINE = f'{{"receivedAt":"2026-11-22T20:15:00.000000Z","clientMac":"{DEVICE}"}}\n'


@pytest.fixture
def data(tmp_path, monkeypatch):
    (tmp_path / "presence.jsonl").write_text(LINE * 20_000)
    monkeypatch.setenv("PRESENCE_DATA_DIR", str(tmp_path))
    return tmp_path


def shell(script, *args):
    """What a shell's line did with a command as its "$@"."""
    ran = subprocess.run(["sh", "-c", script, "sh", *command(*args)], capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("args", [["new-secret"], ["find", DEVICE], ["report", "--output", "csv"], ["report"]])
def test_an_output_that_takes_nothing(data, args, monkeypatch, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    code, out, err = shell('"$@" >/dev/full', *args)
    assert (code, out, err) == (1, "", "Error: The output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_enough(data, monkeypatch, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    assert shell('"$@" | head -1', "find", DEVICE) == (0, LINE, "")


def test_an_input_that_cannot_be_read_is_not_taken_for_the_output(data):
    """A process's memory is a file whose first byte nobody can read."""
    mem = "/proc/self/mem"
    assert shell('"$@"', "--env-file", mem, "list")[2] == (
        f"Error: {mem} cannot be read (Input/output error): give another --env-file.\n")
    assert shell('"$@"', "send", "http://localhost:1/presence", "--secret-file", mem)[2] == (
        f"Error: {mem} cannot be read (Input/output error): give another --secret-file.\n")


def test_input_that_is_closed(data, tmp_path):
    assert shell('"$@" <&-', "forget", DEVICE)[2].splitlines()[-1] == (
        "Error: Nothing was forgotten, since nobody can be asked without a terminal: give --yes.")
    assert shell('"$@" <&-', "send", "http://localhost:1/presence")[2].startswith(
        "Error: PRESENCE_SECRET is not set: ")
    assert shell('"$@" <&-', "init", str(tmp_path / "env"))[2].startswith("Error: init asks questions, ")


def test_an_output_without_the_character(data, monkeypatch):
    (data / "presence.jsonl").write_text(LINE.replace("}", ',"ssid":"Caf\u00e9"}'))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    for output in "csv", "table":
        code, _, err = shell('"$@"', "report", "--by", "ssid", "--output", output)
        [missing] = re.findall(r"ascii has no '(.*)'\. ", err)
        assert (code, err) == (1, f"Error: The output cannot be written: ascii has no '{missing}'. "
                                  "Set PYTHONIOENCODING=utf-8.\n")
        assert missing in ("\\xe9", "\\u2588")


def test_words_that_nobody_wants(data):
    assert shell('"$@" 2>&-', "find", DEVICE.lower())[:2] == (0, LINE * 20_000)
    assert shell('"$@" >&-', "find", DEVICE) == (0, "", "20,000 lines found.\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE])
def test_what_is_of_the_output_and_what_is_of_a_file(number):
    assert streams.is_of_output(OSError(number, "x")) and not streams.is_of_output(OSError(number, "x", "/a/file"))
