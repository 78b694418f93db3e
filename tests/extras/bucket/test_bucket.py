"""A receiver and a collector with a light server between them."""
import re
import signal
from pathlib import Path

import pytest
from devices import DEVICES, found_in
from reading import lines, raw_lines
from running import wait_until

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.json"))
STAMP = re.compile(rb'"receivedAt":"[^"]*"')
STEMS = ("presence", "rejected")


def without_time(folder):
    return {stem: [STAMP.sub(b"", line) for line in raw_lines(folder, stem)] for stem in STEMS}


def count(folder):
    return sum(len(raw_lines(folder, stem)) for stem in STEMS)


def collected(folder, expected):
    wait_until(lambda: count(folder) >= expected, 30, f"{expected} lines")


def bucketed(start, store, folder, **options):
    return start(folder, variables=store.variables, BUCKET_URL=store.url, **options)


def test_the_same_files_as_without_a_bucket(start, store, collect, tmp_path):
    plain, other = start(), bucketed(start, store, tmp_path / "none")
    bodies = [path.read_bytes() for path in SAMPLES] + [b"no JSON", b"\xff\n", b"[]"]
    for body in bodies:
        first, second = plain.post(body), other.post(body)
        assert (first.status, first.json) == (second.status, second.json)
    collector = collect()
    collected(collector.folder, count(plain.folder))
    assert without_time(collector.folder) == without_time(plain.folder)
    assert not (tmp_path / "none").exists()
    wait_until(lambda: store.paths() == ["collector.json"], what="the objects to be deleted")


def test_what_is_kept_of_an_address_in_files_is_kept_of_it_in_a_bucket(start, store, tmp_path):
    receiver = bucketed(start, store, tmp_path / "none", MAC_KEY="a key that nobody guesses")
    digits = DEVICES[0]
    seen = {"clientMac": digits, "seenEpoch": 1}
    assert receiver.post({"observations": [seen, seen | {"rssi": digits}]}).json["accepted"] == 1
    assert receiver.post(f'{{"clientMac": "{digits}"'.encode()).status == 400
    content = b"".join(store.objects().values())
    assert (content.count(b"\n"), content.count(b'"pseudonym":true'), found_in(content, digits)) == (3, 2, [])


def test_accepted_and_rejected_lines_are_one_object(start, store, deliveries, tmp_path):
    receiver = bucketed(start, store, tmp_path / "none")
    report, = deliveries(1)
    report["observations"].append({"clientMac": "no"})
    assert receiver.post([report]).json == {"accepted": 3, "rejected": 1}
    (path, content), = store.objects().items()
    assert re.fullmatch(r"inbox/\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{32}-0-(\d+)\.jsonl", path)
    accepted = int(path.removesuffix(".jsonl").rpartition("-")[2])
    assert [part.count(b"\n") for part in (content[:accepted], content[accepted:])] == [3, 1]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_collector_that_is_stopped_writes_nothing_twice(how, start, store, collect, deliveries, tmp_path):
    receiver = bucketed(start, store, tmp_path / "none")
    reports = deliveries(60, 20)
    for number, report in enumerate(reports):
        if number % 20 == 0:
            collector = collect()
        assert receiver.post([report]).status == 200
        if number % 20 == 19:
            collected(collector.folder, 1)
            assert collector.stop(how) in (0, -how)
    collected(collect().folder, 1200)
    found = [line["clientMac"] for line in lines(collector.folder)]
    assert sorted(found) == sorted(seen["clientMac"] for report in reports for seen in report["observations"])


def test_a_second_collector_of_the_folder_waits(start, store, collect, deliveries, tmp_path):
    receiver, first = bucketed(start, store, tmp_path / "none"), collect()
    receiver.post(deliveries(1))
    collected(first.folder, 3)
    second = collect()
    receiver.post(deliveries(1))
    collected(first.folder, 6)
    assert first.stop() == 0
    receiver.post(deliveries(1))
    collected(second.folder, 9)
    assert second.stop() == 0
    assert second.text().endswith("Collected 1 objects: 3 lines, 0 rejected; 0 objects wait, 0 came again, "
                                  "0 were set aside.\n")


def test_moving_to_a_bucket_and_back(start, store, collect, deliveries, tmp_path):
    folder, reports = tmp_path / "data", deliveries(6)
    plain, collector = start(folder), collect(folder)
    other = bucketed(start, store, tmp_path / "none")
    for receiver, report in zip([plain, other, plain, other, other, plain], reports, strict=True):
        assert receiver.post([report]).status == 200
    collected(folder, 18)
    assert collector.stop() == 0
    macs = [line["clientMac"] for line in lines(folder)]
    assert sorted(macs) == sorted(seen["clientMac"] for report in reports for seen in report["observations"])


def test_metrics(start, store, deliveries, tmp_path):
    receiver = bucketed(start, store, tmp_path / "none", workers=1, METRICS_TOKEN="metrics-token")
    receiver.post(deliveries(1))
    connection = receiver.connect()
    connection.request("GET", "/metrics", headers={"Authorization": "Bearer metrics-token"})
    text = connection.getresponse().read().decode()
    connection.close()
    assert "presence_sync_seconds_count 1.0" in text
    assert "presence_bucket_retries_total 0.0" in text
    assert re.search(r"^presence_bucket_waiting_bytes(\{.*\})? 0.0$", text, re.MULTILINE)


def test_gathering_puts_many_deliveries_into_an_object(start, store, deliveries, tmp_path):
    from sending import Ledger, Load
    receiver = bucketed(start, store, tmp_path / "none", workers=1, BUCKET_GATHER_SECONDS="0.5")
    ledger = Ledger()
    with Load(receiver, ledger, senders=8, count=24) as load:
        load.join()
    assert len(ledger.numbers(200)) == 24
    assert len(store.objects()) <= 6
