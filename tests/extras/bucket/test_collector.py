"""What lies in a bucket and how it gets into the files: late, repeated, strange, faulty; another's bucket."""
import datetime
import json
import os
import re
import signal
import subprocess
import time
import uuid

import pytest
from buckets import MOTO
from objects import ODD, PROCESS, found, line, name, once, put
from reading import contents
from running import wait_until

from presence_receiver import config
from presence_receiver.extras.bucket import inbox, store as bucket_store
from presence_receiver.extras.bucket.collector import MOST_BYTES, Collector, _commits
from presence_receiver.extras.bucket.inbox import Listed
from presence_receiver.lines import stamp

MB = 1_000_000
REFUSED = "refuses our credentials: check the variables of its provider (AWS_ACCESS_KEY_ID, say)"


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


def test_a_backlog_of_days_makes_a_file_for_each_day(store, collect, folder):
    """And not one for each commit, since the settings may keep so many files and no more."""
    today = datetime.datetime.now(datetime.UTC)
    for number in range(300):
        content = line(number, stamp(today - datetime.timedelta(days=4 - number // 100, seconds=-number)))
        store.put(name(number, accepted=len(content), stamp=f"20261122T201500.{number:06}Z").path, content)
    once(collect, folder, variables={"PRESENCE_KEEP_FILES": "2", "PRESENCE_COMPRESS": "none"})
    assert [len(text.splitlines()) for text in contents(folder)] == [128, 128, 44], "by the first line of each commit"
    once(collect, folder, variables={"PRESENCE_COMPRESS": "none"})
    assert [len(text.splitlines()) for text in contents(folder)] == [128, 128, 44, 0], "closed, for it is quiet and old"


@pytest.mark.slow
def test_housekeeping_closes_no_file_in_the_middle_of_a_backlog(store, collect, folder):
    """It looks every ten seconds, and all that comes is old."""
    one, begun = collect(variables={"PRESENCE_COMPRESS": "none"}), time.monotonic()
    for number in range(250):
        put(store, number)
        wait_until(lambda due=begun + 0.1 * number: time.monotonic() > due, what="the next object's time")
    wait_until(lambda: not store.paths("inbox/"), 60, "all to be collected")
    one.stop(signal.SIGKILL)
    assert sum(map(len, map(bytes.splitlines, contents(folder)))) == number + 1
    assert len(contents(folder)) <= 2


def test_commits_are_small():
    sizes = [MB, 8 * MB, 7 * MB, MB, 1, 20 * MB, *[1] * 100]
    commits = list(_commits([Listed(name(number), size) for number, size in enumerate(sizes)]))
    assert [each.name.number for commit in commits for each in commit] == [*range(len(sizes))]
    assert [[each.size for each in commit] for commit in commits[:5]] == [
        [MB], [8 * MB], [7 * MB, MB], [1], [20 * MB]]
    assert [len(commit) for commit in commits[5:]] == [64, 36]
    assert MOST_BYTES == 8 * MB


def test_what_a_round_asks_of_the_bucket(store, collect, folder, gateway, behind):
    """Each request costs money, see the page."""
    once(collect, folder)
    once(collect, folder, variables=behind)
    bucket = "/" + store.url.split("/")[2]
    claim, listing = f"GET {bucket}/lines/collector.json", f"GET {bucket}?list-type=2&prefix=lines%2Finbox%2F"
    assert [each.removesuffix(" HTTP/1.1") for each in gateway.requests] == [claim, listing]
    gateway.requests.clear()
    for number in range(3):
        put(store, number)
    once(collect, folder, variables=behind)
    asked = [each.removesuffix(" HTTP/1.1") for each in gateway.requests]
    gets = [f"GET {bucket}/lines/{name(number).path}" for number in range(3)]
    assert (asked[:2], sorted(asked[2:5]), asked[5:]) == ([claim, listing], gets, [claim, f"POST {bucket}?delete"])


def test_objects_that_cannot_be_deleted_are_said_once(store, collect, folder, gateway, behind):
    put(store, 1)
    gateway.mode = "no delete"
    one = collect(variables=behind)
    wait_until(lambda: gateway.count("GET /presence") > 6, 40, "some listings")
    assert one.stop() == 0
    assert (found(folder), one.text().count("cannot be deleted")) == ([1], 1)
    deletes = [each for each in gateway.requests if each.startswith(("POST", "DELETE"))]
    assert len(deletes) == 2, "all at once, then one by one, and no more for ten minutes"


def test_deletes_that_do_nothing_double_nothing(store, collect, folder, gateway, behind):
    put(store, 1)
    gateway.mode = "lying delete"
    once(collect, folder, variables=behind)
    text = once(collect, folder, variables=behind)
    assert "1 came again" in text and found(folder) == [1]
    gateway.mode = "good"
    once(collect, folder)
    assert (store.paths(), found(folder)) == (["collector.json"], [1])


@pytest.mark.skipif(MOTO, reason="moto lists what is there")
def test_a_list_that_shows_objects_late_and_off_and_on(server, store, collect, folder, gateway, behind):
    put(store, 1)
    put(store, 2)
    path = f"lines/{name(1).path}"
    gateway.mode = "no delete"
    for is_hidden in (True, False, True, False):
        (server.hidden.add if is_hidden else server.hidden.discard)(path)
        once(collect, folder, variables=behind)
    assert sorted(found(folder)) == [1, 2]


def test_a_faulty_object_that_cannot_be_moved_is_said_once(store, collect, folder, gateway, behind):
    put(store, 1, accepted=1_000)
    put(store, 2)
    gateway.mode = "no copy"
    one = collect(variables=behind)
    wait_until(lambda: gateway.count("GET /presence") > 6, 40, "some listings")
    assert one.stop() == 0
    assert (found(folder), one.text().count(" is not as a receiver wrote it and cannot be moved: ")) == ([2], 1)
    assert sum("1-1000.jsonl" in each and each.startswith("GET") for each in gateway.requests) == 1


@pytest.mark.skipif(MOTO, reason="moto makes one slash of two")
@pytest.mark.parametrize("key", ["inbox//x", "inbox/3//z", "inbox/.", "inbox/a\nb"])
def test_a_name_that_no_client_can_say_is_named(key, server, store, collect, folder):
    put(store, 1)
    objects = server.buckets[store.url.split("/")[2]]
    objects[f"lines/{key}"] = b"?", server.now()
    text = once(collect, folder, status=1)
    said = f"lines/{key}".replace("\n", "\\n")
    assert text.endswith("Error: The bucket at PRESENCE_BUCKET_URL lists an object whose name no client can say, "
                         f"delete it: {said}.\n")
    del objects[f"lines/{key}"]
    once(collect, folder)
    assert found(folder) == [1]


def test_a_strangers_name_is_nothing_that_a_terminal_obeys(store, collect, folder):
    store.put("inbox/\u202egpj.\x9b31mholiday", b"?")
    assert once(collect, folder).startswith(
        "Objects under inbox/ that no receiver wrote are left alone, inbox/ gpj. 31mholiday say.\n")


def test_it_syncs_whatever_receivers_do(inside, folder, monkeypatch):
    put(inside, 1)
    synced, fdatasync = [], os.fdatasync

    def noted(descriptor):
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", noted)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    values = {"PRESENCE_DATA_DIR": str(folder), "PRESENCE_FSYNC": "false", "PRESENCE_BUCKET_URL": inside.url}
    Collector(config.load(values, needs_secret=False), lambda sentence: None).run(is_once=True)
    assert {str(folder / "presence.jsonl"), str(folder / "rejected.jsonl")} <= {*synced}
    assert found(folder) == [1]


def test_a_folder_made_in_the_providers_console_is_a_strangers(store, collect, folder):
    put(store, 1)
    store.put("inbox/.keep", b"")
    once(collect, folder)
    assert found(folder) == [1]


def test_a_position_that_no_collector_wrote(store, collect, folder):
    once(collect, folder)
    put(store, 1)
    (folder / ".bucket.position").write_bytes(b"{")
    assert once(collect, folder, status=1) == (
        f"Error: {folder}/.bucket.position is not as a collector wrote it, and only it tells which objects are in the "
        "files: put it back from a copy, or delete it and start with --take-over; some may be there twice then.\n")
    (folder / ".bucket.position").unlink()
    once(collect, folder, "--take-over")
    assert found(folder) == [1]


@pytest.mark.slow
def test_what_waits_is_said_as_far_as_it_is_known(store, collect, folder, gateway, behind):
    """Whoever moves back to files ends the collector when nothing waits."""
    for number in range(1001):
        put(store, number)
    gateway.mode = "half objects"
    assert once(collect, folder, variables=behind).endswith("; 1001 objects wait, 0 came again, 0 were set aside.\n")
    gateway.mode = "good"
    one = collect(variables={"PRESENCE_ROTATE_BYTES": "1000000"})
    wait_until(lambda: len(found(folder)) == 1001, what="the lines")
    one.stop()
    assert one.text().startswith("Collected 64 objects: 64 lines, 64 rejected; 936 or more objects wait, ")


FAULTS = {
    "hang": "did not answer in time", "reset": "broke off", "half": "broke off", 403: REFUSED, 404: "does not exist",
    500: "answered with status 500", "slow down": "answered with status 503",
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", [*FAULTS, "page"])
def test_a_bucket_that_is_away_and_comes_back(mode, store, collect, folder, gateway, behind):
    put(store, 1)
    once(collect, folder)
    put(store, 2)
    gateway.mode = mode
    one = collect(variables=behind)
    wait_until(lambda: "Nothing is collected now" in one.text(), 60, "the sentence")
    said = "The bucket at PRESENCE_BUCKET_URL " + FAULTS[mode] + "." if mode in FAULTS else ODD
    assert one.text().startswith(f"Nothing is collected now: {said}\n")
    gateway.mode = "good"
    wait_until(lambda: found(folder) == [1, 2], 40, "the lines")
    assert one.stop() == 0


def test_objects_that_break_off_are_fetched_again(store, collect, folder, gateway, behind):
    put(store, 1)
    gateway.mode = "half objects"
    one = collect(variables=behind)
    wait_until(lambda: " stays where it is: " in one.text(), 40, "the sentence")
    gateway.mode = "good"
    wait_until(lambda: folder.exists() and found(folder) == [1], 40, "the lines")
    assert one.stop() == 0


def test_missing_settings(tmp_path):
    from running import environment
    done = subprocess.run(["presence-cli", "collect"], env=environment(tmp_path), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        1, "Error: PRESENCE_BUCKET_URL is missing: set it to the bucket that the receivers have.\n")


@pytest.fixture
def rounds(inside, folder, gateway, behind, monkeypatch):
    """A collector in this process, and what it shows."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", behind["AWS_ENDPOINT_URL"])
    values, shown = {"PRESENCE_DATA_DIR": str(folder), "PRESENCE_BUCKET_URL": inside.url}, []
    return Collector(config.load(values, needs_secret=False), shown.append), shown


def test_what_waits_is_counted_over_all_pages_and_anew_in_each_round(rounds, inside, gateway, monkeypatch):
    one, shown = rounds
    monkeypatch.setattr(bucket_store, "PAGE", 2)
    for number in range(3):
        put(inside, number)
    gateway.mode = "gone objects"
    for _ in range(2):
        shown.clear()
        one._round()
        assert "; 2 or more objects wait," in shown[0] and "; 3 objects wait," in shown[-1]


def test_an_object_that_is_too_large_is_moved_and_never_fetched(rounds, inside, gateway, monkeypatch):
    one, _ = rounds
    monkeypatch.setattr(inbox, "LARGEST", 1)
    put(inside, 1)
    one._round()
    fetched = [each for each in gateway.requests if re.match(r"GET \S*/inbox/\S+\.jsonl", each)]
    assert (one.progress.aside, fetched) == (1, [])


def test_where_nothing_comes_it_asks_less_and_less_often(rounds, monkeypatch):
    one, _ = rounds
    pauses = []

    def wait(seconds):
        pauses.append(seconds)
        if len(pauses) == 5:
            one._stopping.stop(signal.SIGTERM)

    monkeypatch.setattr(one._stopping, "wait", wait)
    one._rounds()
    assert pauses == [2, 4, 8, 10, 10]
