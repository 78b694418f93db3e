import gzip
import json

import pytest
from command_line import run

REJECTED = {"receivedAt": "2026-11-20T08:00:00.000001Z", "errors": {}, "report": {"ownerId": 1490}}
GOOD = json.dumps(REJECTED | {"observation": {"clientMac": "5CB901642E60", "seenEpoch": 1}}).encode() + b"\n"
BAD = json.dumps(REJECTED | {"observation": {"clientMac": "nobody"}}).encode() + b"\n"


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "rejected.jsonl").write_bytes(GOOD + BAD)
    (folder / "rejected-20261101T000000.000000Z.jsonl.gz").write_bytes(gzip.compress(GOOD + GOOD))
    return folder


def test_every_file_is_told_of_and_a_second_run_adds_nothing(data):
    active, closed = data / "rejected.jsonl", data / "rejected-20261101T000000.000000Z.jsonl.gz"
    assert run("replay", str(active), str(closed), "--data-dir", str(data)).parts == (
        0, "", f"{active}: 1 added to {data}/presence.jsonl, 1 still rejected.\n"
        f"{closed}: 2 added to {data}/presence.jsonl, 0 still rejected.\n")
    assert run("replay", str(active), env={"PRESENCE_DATA_DIR": str(data)}).parts == (
        0, "", f"{active}: 0 added to {data}/presence.jsonl, 1 still rejected.\n")
    lines = [json.loads(line) for path in data.glob("presence*") for line in path.read_bytes().splitlines()]
    expected = (REJECTED["receivedAt"], "5CB901642E60")
    assert [(line["receivedAt"], line["clientMac"]) for line in lines] == [expected] * 3


def test_no_other_folder_is_made_for_what_is_good_now(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "data")
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    for given, named in (([], "data"), (["--data-dir", "rejected.jsonl"], "rejected.jsonl")):
        assert run("replay", "rejected.jsonl", *given).parts == (
            1, "", f"Error: {named} is no folder: give the receiver's as --data-dir.\n")
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


def test_what_is_wrong_is_one_line(data):
    path = data / "rejected.jsonl.gz"
    path.write_bytes(b"no gzip")
    assert run("replay", str(path), "--data-dir", str(data)).parts == (1, "", f"Error: {path} is not whole gzip.\n")
    assert run("replay", str(data / "none.jsonl"), "--data-dir", str(data)).code == 2
    assert run("replay").code == 2
    assert run("replay", str(path), env={"PRESENCE_ROTATE_BYTES": "many"}).parts == (
        1, "", "Error: PRESENCE_ROTATE_BYTES must be a whole number from 1 up.\n")
