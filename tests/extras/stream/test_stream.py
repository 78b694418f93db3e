"""A receiver and a collector with one real server between them."""
import json
import re
import signal
import time
from pathlib import Path

import pytest
from reading import lines, raw_lines
from running import wait_until

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.json"))
STAMP = re.compile(rb'"receivedAt":"[^"]*"')
STEMS = ("presence", "rejected")

pytestmark = pytest.mark.slow


def without_time(folder):
    return {stem: [STAMP.sub(b"", line) for line in raw_lines(folder, stem)] for stem in STEMS}


def count(folder):
    return sum(len(raw_lines(folder, stem)) for stem in STEMS)


def is_received(answer):
    return answer.status in (200, 422)


def collected(folder, expected):
    wait_until(lambda: count(folder) >= expected, what=f"{expected} lines, there are {count(folder)}")


def test_the_same_files_as_without_a_stream(start, stream, collect, tmp_path):
    plain, streamed = start(), start(tmp_path / "none", **stream)
    bodies = [path.read_bytes() for path in SAMPLES] + [b"no JSON", b"\xff\n", b"[]"]
    for body in bodies:
        first, second = plain.post(body), streamed.post(body)
        assert (first.status, first.json) == (second.status, second.json)
    collector = collect()
    collected(collector.folder, count(plain.folder))
    assert without_time(collector.folder) == without_time(plain.folder)
    assert not (tmp_path / "none").exists()


def test_a_delivery_larger_than_a_message(start, stream, collect, deliveries):
    receiver, collector = start(workers=1, **stream), collect()
    body = deliveries(1, 10_000) + [{"observations": "x" * 3_000_000}]
    assert receiver.post(body).json == {"accepted": 10_000, "rejected": 1}
    collected(collector.folder, 10_001)
    found = lines(collector.folder)
    assert [line["clientMac"] for line in found] == [seen["clientMac"] for seen in body[0]["observations"]]
    assert lines(collector.folder, "rejected")[0]["report"] is not None


def test_without_a_server_503_in_time_and_again_200_without_a_restart(start, server, stream, collect, deliveries):
    receiver = start(**stream)
    first, second, third = deliveries(3)
    assert receiver.post([first]).status == 200
    server.kill()
    begun = time.monotonic()
    refused = receiver.post([second])
    assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
    assert time.monotonic() - begun < 5
    assert refused.json == {"error": "None of the servers at PRESENCE_STREAM_URL can be used now."}
    server.start()
    wait_until(lambda: receiver.post([third]).status == 200, what="the receiver to find the server again")
    collector = collect()
    collected(collector.folder, 6)
    macs = {line["clientMac"] for line in lines(collector.folder)}
    assert macs.isdisjoint(seen["clientMac"] for seen in second["observations"])


def test_a_server_that_hangs_is_a_503_in_time(start, server, stream, deliveries):
    receiver = start(**stream)
    assert receiver.post(deliveries(1)).status == 200
    server.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    try:
        assert receiver.post(deliveries(1)).status == 503
        assert time.monotonic() - begun < 5
    finally:
        server.process.send_signal(signal.SIGCONT)
    wait_until(lambda: receiver.post(deliveries(1)).status == 200, what="the receiver to find the server again")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_collector_that_is_stopped_writes_nothing_twice(how, start, stream, collect, deliveries, tmp_path):
    receiver = start(**stream)
    reports = deliveries(120, 20)
    for number, report in enumerate(reports):
        if number % 20 == 0:
            collector = collect()
        assert receiver.post([report]).status == 200
        if number % 20 == 19:
            wait_until(lambda: count(collector.folder), what="a first line")
            assert collector.stop(how) in (0, -how)
    collector = collect()
    wait_until(lambda: count(collector.folder) >= 2400, 60, what="all lines")
    found = [line["clientMac"] for line in lines(collector.folder)]
    assert sorted(found) == sorted(seen["clientMac"] for report in reports for seen in report["observations"])


def test_only_one_collects_into_a_folder(start, stream, collect, deliveries, tmp_path):
    receiver = start(**stream)
    first = collect()
    receiver.post(deliveries(1))
    collected(first.folder, 3)
    second = collect()
    receiver.post(deliveries(1))
    collected(first.folder, 6)
    assert first.stop() == 0
    receiver.post(deliveries(1))
    collected(second.folder, 9)
    assert second.stop() == 0
    assert "Collected 1 deliveries: 3 lines, 0 rejected; 0 messages wait" in second.text()


def test_a_stream_with_other_limits_is_refused_in_one_line(start, stream, deliveries):
    assert start(**stream).post(deliveries(1)).status == 200
    refused = start(**stream | {"STREAM_REPLICAS": 3}).post(deliveries(1))
    assert (refused.status, refused.json) == (503, {"error": (
        "The stream presence has fewer than 3 replicas: change it on the servers, "
        "or name another in PRESENCE_STREAM_NAME.")})


def test_the_records_of_a_collector_stay_small(start, stream, collect, deliveries):
    receiver, collector = start(**stream), collect()
    for report in deliveries(50):
        receiver.post([report])
    collected(collector.folder, 150)
    collector.stop()
    assert json.loads((collector.folder / ".collect.position").read_text())["ranges"] == [[1, 50]]


def test_health_and_metrics_know_the_stream(start, server, stream, collect, deliveries):
    receiver = start(workers=1, METRICS_TOKEN="metrics-token", **stream)
    receiver.post(deliveries(1))

    def metric(name):
        connection = receiver.connect()
        connection.request("GET", "/metrics", headers={"Authorization": "Bearer metrics-token"})
        text = connection.getresponse().read().decode()
        connection.close()
        return float(re.search(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)[1])

    assert (receiver.request("GET", "/readyz").status, metric("presence_stream_connected")) == (200, 1)
    assert metric("presence_stream_lag_messages") == 1
    collect()
    wait_until(lambda: metric("presence_stream_lag_messages") == 0, what="the collector to take it")
    server.kill()
    wait_until(lambda: receiver.request("GET", "/readyz").status == 503, what="it to notice")
    assert receiver.request("GET", "/readyz").json["error"] == (
        "None of the servers at PRESENCE_STREAM_URL can be used now.")
    assert metric("presence_stream_connected") == 0
    server.start()
    wait_until(lambda: receiver.request("GET", "/readyz").status == 200, what="it to come back")


def test_moving_to_a_stream_and_back(start, stream, collect, deliveries, tmp_path):
    folder, reports = tmp_path / "data", deliveries(6)
    plain, collector = start(folder), collect(folder)
    streamed = start(tmp_path / "none", **stream)
    for receiver, report in zip([plain, streamed, plain, streamed, streamed, plain], reports, strict=True):
        assert receiver.post([report]).status == 200
    wait_until(lambda: count(folder) == 18, what="the collector to catch up")
    assert collector.stop() == 0
    macs = [line["clientMac"] for line in lines(folder)]
    assert sorted(macs) == sorted(seen["clientMac"] for report in reports for seen in report["observations"])
