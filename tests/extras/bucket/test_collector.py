"""What lies in a bucket and how it gets into the files: late, repeated, strange, faulty; another's bucket."""
import json
import subprocess
import uuid

import pytest
from reading import raw_lines
from running import wait_until

from presence_receiver.extras.bucket.names import Name

PROCESS = uuid.UUID(int=1).hex


def line(number):
    return b'{"receivedAt":"2026-11-22T20:15:00.123456Z","n":%d}\n' % number


def name(number, accepted=None, stamp="20261122T201500.123456Z", process=PROCESS):
    return Name(stamp, process, number, len(line(number)) if accepted is None else accepted)


def put(store, number, **options):
    store.put(name(number, **options).path, line(number) + line(number))


def once(collect, folder, *arguments, status=0):
    one = collect(folder, "--once", *arguments)
    assert one.process.wait(60) == status, one.text()
    return one.text()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "collected"


def found(folder, stem="presence"):
    return [json.loads(each)["n"] for each in raw_lines(folder, stem)]


def test_late_and_repeated_objects_are_in_the_files_once(store, collect, folder):
    put(store, 5)
    once(collect, folder)
    put(store, 5)
    put(store, 2, stamp="20261121T201500.123456Z")
    once(collect, folder)
    put(store, 2, stamp="20261121T201500.123456Z")
    text = once(collect, folder)
    assert (found(folder), found(folder, "rejected")) == ([5, 2], [5, 2])
    assert text.endswith("0 objects wait, 1 came again, 0 were set aside.\n")
    assert store.paths() == ["collector.json"]


def test_processes_that_were_not_seen_for_a_day_are_forgotten(store, collect, folder):
    put(store, 1)
    put(store, 1, process=uuid.UUID(int=2).hex)
    once(collect, folder)
    where = folder / ".bucket.position"
    position = json.loads(where.read_text())
    for each in position["processes"].values():
        each["seen"] -= 90_000
    where.write_text(json.dumps(position))
    put(store, 1)
    assert " 1 came again" in once(collect, folder)
    assert [*json.loads(where.read_text())["processes"]] == [PROCESS]
    assert found(folder) == [1, 1]


def test_receivers_whose_clocks_are_an_hour_apart(store, collect, folder):
    for number in range(6):
        stamp = f"20261122T{20 + number % 2}1500.12345{number}Z"
        put(store, number, process=uuid.UUID(int=number % 2).hex, stamp=stamp)
    once(collect, folder)
    assert sorted(found(folder)) == [*range(6)]


def test_faulty_objects_are_set_aside_and_strange_ones_left(store, collect, folder):
    put(store, 1)
    put(store, 2, accepted=1_000)
    store.put(name(3).path, b"torn")
    store.put("inbox/holiday.jpg", b"?")
    text = once(collect, folder)
    assert found(folder) == [1]
    aside = [f"aside/{name(2, accepted=1_000)}", f"aside/{name(3)}"]
    assert store.paths() == [*aside, "collector.json", "inbox/holiday.jpg"]
    assert "Objects under inbox/ that no receiver wrote are left alone, inbox/holiday.jpg say." in text
    assert " is not as a receiver wrote it: it is under aside/ now." in text


@pytest.mark.slow
def test_5000_objects_of_strangers(store, collect, folder):
    for number in range(5_000):
        store.put(f"inbox/0-{number}", b"?")
    for number in range(20):
        put(store, number)
    once(collect, folder)
    assert sorted(found(folder)) == [*range(20)]
    assert len(store.paths()) == 5_001


def test_a_bucket_has_one_folder(store, collect, folder, tmp_path):
    once(collect, folder)
    refused = once(collect, tmp_path / "other", status=1)
    assert f"The bucket at PRESENCE_BUCKET_URL is collected into {folder} on " in refused
    assert refused.endswith("stop the collector there, then start this one with --take-over.\n")
    put(store, 1)
    once(collect, tmp_path / "other", "--take-over")
    assert found(tmp_path / "other") == [1]
    once(collect, folder, status=1)


def test_a_collector_whose_bucket_was_taken_over_ends(store, collect, folder, tmp_path):
    first = collect()
    wait_until(lambda: "collector.json" in store.paths(), what="the first to begin")
    once(collect, tmp_path / "other", "--take-over")
    assert first.process.wait(30) == 1


def test_objects_that_cannot_be_deleted_are_said_once(store, collect, folder, gateway, behind):
    put(store, 1)
    gateway.mode = "no delete"
    one = collect(variables=behind)
    wait_until(lambda: gateway.count("GET /presence") > 6, 40, "some listings")
    assert one.stop() == 0
    assert (found(folder), one.text().count("cannot be deleted")) == ([1], 1)


def test_nobody_there(store, collect, folder, gateway, behind):
    gateway.mode = "page"
    one = collect(variables=behind)
    wait_until(lambda: "Nothing is collected now" in one.text(), 40, "the sentence")
    put(store, 1)
    gateway.mode = "good"
    wait_until(lambda: folder.exists() and raw_lines(folder), 40, "the lines")
    assert one.stop() == 0


def test_missing_settings(tmp_path):
    from running import environment
    done = subprocess.run(["presence-cli", "collect"], env=environment(tmp_path), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        1, "Error: PRESENCE_BUCKET_URL is missing: set it to the bucket that the receivers have.\n")
