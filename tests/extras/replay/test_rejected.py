"""Why lines were rejected, as `presence-cli rejected` counts it, and whether replay then does what it said."""
import gzip
import json

import pytest
from command_line import run

from presence_receiver import create_app
from presence_receiver.extras.replay.reasons import counted

SECRET = "hunter22"
WHEN = "2026-11-20T08:00:00.000001Z"


def rejected(errors, **more):
    line = {"receivedAt": WHEN, "errors": errors, "report": None, "observation": None, **more}
    return json.dumps(line).encode() + b"\n"


GOOD_NOW = rejected({"observations": {"0": {"clientMac": ["Not a valid MAC address."]}}},
                    observation={"clientMac": "5CB901642E60", "seenEpoch": 1}, report={"ownerId": 1490})
LOUD = rejected({"7": {"observations": {"1": {"rssi": ["Not a valid integer."]}}}},
                observation={"clientMac": "5CB901642E60", "seenEpoch": 1, "rssi": "loud"}, report={})
OBSERVER = rejected({"deviceObservers": {"0": {"apMac": ["Not a valid MAC address."]}}},
                    observation={"clientMac": "5CB901642E60", "seenEpoch": 1, "deviceObservers": [{"apMac": "q"}]})
AP = rejected({"0": {"apMac": ["Not a valid MAC address."]}}, report={"apMac": "x"},
              observation={"clientMac": "5CB901642E60", "seenEpoch": 1})
BODY = rejected({"_schema": ["The body is not JSON."]}, body="{" + "long" * 50)
PART = rejected({"1": {"_schema": ["Invalid input type."]}}, report=5)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "rejected.jsonl").write_bytes(LOUD + LOUD + GOOD_NOW + BODY)
    (folder / "rejected-20261101T000000.000000Z.jsonl.gz").write_bytes(gzip.compress(LOUD + PART))
    return folder


def test_reasons_with_an_example_each_and_what_replay_would_do(data):
    files = {path.name: path.read_bytes() for path in data.iterdir()}
    assert run("rejected", "--data-dir", str(data)).parts == (0, f"""\
3 × rssi: Not a valid integer.
    Such as "loud", received {WHEN}.
    Replay would make no lines of them.
1 × Invalid input type.
    Such as 5, received {WHEN}.
    Replay would make no lines of them.
1 × clientMac: Not a valid MAC address.
    Such as "5CB901642E60", received {WHEN}.
    Replay would make 1 line of them.
1 × The body is not JSON.
    Such as {{longlonglonglonglonglonglonglonglonglonglonglonglonglonglo…, received {WHEN}.
    Replay would make no lines of them.
6 rejected lines. Replay would add 1 line and leave 5 rejected: presence-cli replay {data}/rejected*.jsonl*
""", "")
    assert files == {path.name: path.read_bytes() for path in data.iterdir()}
    ran = run("replay", *sorted(map(str, data.glob("rejected*"))), "--data-dir", str(data))
    assert ran.err.splitlines()[-1] == f"{data}/rejected.jsonl: 1 added to {data}/presence.jsonl, 3 still rejected."
    assert run("rejected", env={"PRESENCE_DATA_DIR": str(data)}).out.splitlines()[-1] == (
        "5 rejected lines. Replay would change nothing.")


@pytest.mark.parametrize(["line", "text", "example"], [
    (OBSERVER, "deviceObservers.apMac: Not a valid MAC address.", '"q"'),
    (AP, "apMac: Not a valid MAC address.", '"x"'),
    (b"no JSON\n", "This line is no rejected line.", '"no JSON\\n"'),
    (b'{"errors": 1}\n', "This line is no rejected line.", '"{\\"errors\\": 1}\\n"'),
])
def test_a_reason_and_its_example(line, text, example):
    [(found, reason)] = counted([line]).sorted()
    assert (found, reason.example, reason.count) == (text, example, 1)


def test_what_a_receiver_rejects_is_found(tmp_path):
    client = create_app({"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path)}).test_client()
    body = [{"observations": [{"clientMac": "zz", "rssi": "loud", "seenEpoch": 1}, {"seenEpoch": 2}]}]
    client.post("/presence", json=body, headers={"Authorization": f"Basic {SECRET}"})
    shown = run("rejected", "--data-dir", str(tmp_path)).out.splitlines()
    assert [line for line in shown if "×" in line] == [
        "1 × clientMac: Not a valid MAC address.", "1 × rssi: Not a valid integer.",
        "1 × clientMac: Missing data for required field."]
    assert shown[-1] == "2 rejected lines. Replay would change nothing."


def test_nothing_there(tmp_path):
    assert run("rejected", "--data-dir", str(tmp_path)).parts == (
        0, f"Nothing was rejected, as far as the files in {tmp_path} say.\n", "")
    assert run("rejected", "--data-dir", str(tmp_path / "none")).parts == (1, "", (
        f"Error: {tmp_path}/none cannot be read (No such file or directory): "
        "give the folder that the receiver has as PRESENCE_DATA_DIR.\n"))


def test_a_file_that_is_not_whole_is_named_and_all_others_are_counted(data, tmp_path):
    said = run("rejected", "--data-dir", str(data))
    path = tmp_path / "rejected-20261103T000000.000000Z.jsonl.gz"
    fault = f"Error: {path} cannot be read to its end: not whole gzip. More lines may be in there.\n"
    path.write_bytes(b"no gzip")
    assert run("rejected", "--data-dir", str(tmp_path)).parts == (1, "", fault)
    other = path.rename(data / path.name)
    assert run("rejected", "--data-dir", str(data)).parts == (
        1, said.out, fault.replace(str(path), str(other)))


def test_replay_of_a_file_of_another_kind_says_so_and_leaves_it(tmp_path):
    path = tmp_path / "presence.jsonl"
    path.write_bytes(b'{"receivedAt":"2026-11-20T08:00:00.000001Z","clientMac":"5CB901642E60"}\n')
    before = path.read_bytes()
    assert run("replay", str(path), "--data-dir", str(tmp_path)).parts == (
        1, "", f"Error: {path} is no rejected file: give rejected.jsonl or a closed rejected file.\n")
    assert path.read_bytes() == before
