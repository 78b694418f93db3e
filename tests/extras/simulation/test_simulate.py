import datetime
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from command_line import Terminal
from fakes.receiver import ReceiverFake
from fakes.server import as_json, instead, page, reset, silent, well
from reading import lines

from deployment import SECRET, run, running
from running import wait_until
from presence_receiver.cli import counted
from presence_receiver.errors import CallFailed, NotRead, Refused
from presence_receiver.extras.privacy.pseudonyms import Pseudonyms
from presence_receiver.extras.simulation import accounting, traffic
from presence_receiver.extras.simulation.site import Site
from presence_receiver.extras.simulation.tally import Tally
from presence_receiver.http_client import delivery
from presence_receiver.http_client.calls import Answer
from presence_receiver.validation.judge import judge_delivery

NOW = 1_795_390_000_000
RECEIVED = "2026-11-22T20:15:00.123456Z"


@pytest.fixture
def receiver(tmp_path):
    with running(tmp_path) as receiver:
        yield receiver


def plan(shape="array", bad=0.0, **more):
    numbers = {"access_points": 5, "devices": 20, "interval": 60, "duration": 0.2, "speed": 600, **more}
    return traffic.Plan(shape=shape, bad=bad, **numbers)


def deliveries(shape, bad=0.0):
    random = Random(7)
    site = Site(5, 20, NOW, random)
    return [*traffic.deliveries(site, 1490, plan(shape, bad), random)]


@pytest.mark.parametrize("shape, count", [("array", 1), ("flat", 5), ("client-centric", 1)])
@pytest.mark.parametrize("bad", [0.0, 0.3, 1.0])
def test_each_shape_is_judged_as_it_was_meant(shape, count, bad):
    made = deliveries(shape, bad)
    assert len(made) == count
    for one in made:
        judged = judge_delivery(one.body, RECEIVED)
        assert one.counts == {"accepted": judged.accepted_count, "rejected": judged.rejected_count}
    assert sum(len(one.good) + len(one.bad) for one in made) == 100


def test_the_shapes():
    [array], [flat, *_], [devices] = map(deliveries, traffic.SHAPES)
    first = json.loads(array.body)[0]
    assert [*first] == [*json.loads(flat.body)] == ["apMac", "ownerId", "observations"]
    assert [*first["observations"][0]] == [
        "clientMac", "ipv4", "ipv6", "seenTime", "seenEpoch", "ssid", "rssi", "manufacturer", "os",
        "lat", "lng", "unc", "x", "y"]
    [top, seen] = json.loads(devices.body), json.loads(devices.body)["data"]["observations"][0]
    assert ([*top], [*top["data"]]) == (["data"], ["ownerId", "observations"])
    assert "rssi" not in seen and [*seen["deviceObservers"][0]] == ["apMac", "rssi", "locationIdHierarchy"]


def test_devices_move_associate_and_leave():
    site = Site(4, 100, NOW, Random(7))
    before = {device.mac: (device.x, device.y, device.since) for device in site.devices}
    site.pass_time(600)
    after = {device.mac: (device.x, device.y, device.since) for device in site.devices}
    stayed = before.keys() & after.keys()
    assert site.now == NOW + 600_000
    assert 0 < len(stayed) < len(before) == len(after)
    assert any(before[mac][:2] != after[mac][:2] for mac in stayed)
    assert any(not before[mac][2] and after[mac][2] for mac in stayed)
    assert any(before[mac][2] and not after[mac][2] for mac in stayed)
    assert any(int(mac[:2], 16) & 2 for mac in after)


def test_an_associated_device_repeats_its_time():
    site = Site(4, 100, NOW, Random(7))
    device = next(device for device in site.devices if device.since)
    first = site.observe(device, 0)
    site.pass_time(1)
    assert site.observe(device, 0)["seenTime"] == first["seenTime"] == "2026-11-22T23:26:40.000Z"


@pytest.fixture
def settled(tmp_path):
    """A run of three deliveries, a third bad, with what a receiver would have written."""
    tally = Tally(owner_id=1490)
    [delivery] = deliveries("array", 0.3)
    judged = judge_delivery(delivery.body, RECEIVED)
    tally.send(delivery)
    tally.settle(delivery, Answer(200, delivery.counts, "JSON", ""), 0.01)
    (tmp_path / "presence.jsonl").write_bytes(judged.lines)
    (tmp_path / "rejected.jsonl").write_bytes(judged.rejected)
    return tally


def faults(tally, folder):
    return [fault for difference in accounting.differences(tally, folder) for fault in difference.faults()]


def test_everything_is_there(settled, tmp_path):
    assert faults(settled, tmp_path) == []


@pytest.mark.parametrize("stem, kind", [("presence", "accepted"), ("rejected", "rejected")])
def test_a_missing_and_a_doubled_line(settled, tmp_path, stem, kind):
    path = tmp_path / f"{stem}.jsonl"
    first, second, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([second, second, *rest]))
    assert faults(settled, tmp_path) == [
        f"1 acknowledged, {kind} observations are missing from the files.",
        f"1 {kind} observations are in the files that should not be."]


def test_closed_files_count_too(settled, tmp_path):
    (tmp_path / "presence.jsonl").rename(tmp_path / "presence-20261122T201500.123456Z.jsonl")
    assert faults(settled, tmp_path) == []
    subprocess.run(["gzip", str(tmp_path / "presence-20261122T201500.123456Z.jsonl")], check=True)
    assert faults(settled, tmp_path) == []


def test_a_file_and_its_compressed_copy_count_once(settled, tmp_path):
    closed = tmp_path / "presence-20261122T201500.123456Z.jsonl"
    (tmp_path / "presence.jsonl").rename(closed)
    subprocess.run(["gzip", "--keep", str(closed)], check=True)
    assert faults(settled, tmp_path) == []


def test_what_was_not_answered_may_be_there_once(settled, tmp_path):
    [delivery] = deliveries("array")
    other = Tally(owner_id=1490)
    other.send(delivery)
    other.settle(delivery, None, 0.01)
    path = tmp_path / "presence.jsonl"
    path.write_bytes(b"")
    (tmp_path / "rejected.jsonl").write_bytes(b"")
    assert faults(other, tmp_path) == []
    path.write_bytes(judge_delivery(delivery.body, RECEIVED).lines)
    assert faults(other, tmp_path) == []
    path.write_bytes(judge_delivery(delivery.body, RECEIVED).lines * 2)
    assert faults(other, tmp_path) == [
        "100 accepted observations are in the files that should not be."]


def test_what_was_refused_must_not_be_there(settled, tmp_path):
    [delivery] = deliveries("array")
    other = Tally(owner_id=1490)
    other.send(delivery)
    other.settle(delivery, Answer(503, {"error": "Full."}, "JSON", ""), 0.01)
    (tmp_path / "presence.jsonl").write_bytes(judge_delivery(delivery.body, RECEIVED).lines)
    (tmp_path / "rejected.jsonl").write_bytes(b"")
    assert faults(other, tmp_path) == [
        "100 accepted observations are in the files that should not be."]


def test_a_folder_that_is_none(settled, tmp_path):
    with pytest.raises(Refused, match="none cannot be read .No such file or directory.: give the folder that "
                                      "the receiver has as PRESENCE_DATA_DIR."):
        accounting.differences(settled, tmp_path / "none")


def test_pace_and_lost_answers():
    tally = Tally(owner_id=1490)

    def post(body):
        raise CallFailed("Nobody there.")

    count = len([*traffic.run(plan(duration=0.25, speed=600), post, tally, Random(7))])
    assert 2 <= count <= 3
    assert (tally.deliveries, tally.observations) == (count, count * 100)
    assert tally.statuses == {"no answer": count}


def test_a_receiver_with_rotation_and_bad_observations(tmp_path):
    with running(tmp_path, workers=2, PRESENCE_ROTATE_BYTES="100000") as receiver:
        ran = run("simulate", receiver.url, "--aps", 10, "--devices", 20, "--speed", 600, "--duration", 1,
                  "--bad", 0.1, "--verify", receiver.data, "--output", "json")
        said = json.loads(ran.out)
        assert (ran.code, ran.err) == (0, (
            f"All {said['accepted']:,} accepted and {said['rejected']:,} rejected observations are in the "
            "files, each once.\n"))
        assert said["accepted"] + said["rejected"] == said["observations"] == said["deliveries"] * 200
        assert said["answers"] == {"200": said["deliveries"]}
        assert 0 < said["p50"] <= said["p99"] < 5
        assert len(receiver.lines()) == said["accepted"]
        assert len([*receiver.data.glob("presence-*")]) >= said["deliveries"] // 4


@pytest.mark.parametrize("shape", traffic.SHAPES)
def test_a_receiver_that_keeps_less_than_was_sent(tmp_path, shape):
    settings = {"PRESENCE_MAC_KEY": "key-of-a-test-" * 3, "PRESENCE_DROP_FIELDS": "ipv4,rssi,x"}
    with running(tmp_path, **settings) as receiver:
        asked = ["simulate", receiver.url, "--speed", 600, "--duration", 0.5, "--bad", 0.3, "--shape", shape,
                 "--verify", receiver.data]
        ran = run(*asked, **settings)
        assert (ran.code, ran.err.partition(" accepted")[0][:4]) == (0, "All ")
        ran = run(*asked)
        assert ran.code == 1 and "accepted observations are in the files that should not be." in ran.err
        assert ran.err.endswith(
            "Where the receiver has PRESENCE_MAC_KEY or PRESENCE_DROP_FIELDS, give this command the same, for lines "
            "then differ from what was sent.\n")


def test_another_folder_than_the_receivers(receiver, tmp_path):
    (tmp_path / "other").mkdir()
    ran = run("simulate", receiver.url, "--duration", 0.1, "--verify", tmp_path / "other")
    assert (ran.code, ran.err) == (
        1, "Error: 32 acknowledged, accepted observations are missing from the files.\n")


def test_what_is_no_rejected_line_is_none_of_the_runs(tmp_path):
    (tmp_path / "rejected.jsonl").write_bytes(b"[1]\nxxx\n")
    assert [each.missing for each in accounting.differences(Tally(owner_id=1), tmp_path)] == [0, 0]


def test_a_file_that_is_not_whole_is_named(tmp_path):
    path = tmp_path / "presence-20261101T000000.000000Z.jsonl.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(NotRead, match=f"^{path} cannot be read to its end: not whole gzip.$"):
        accounting.differences(Tally(owner_id=1), tmp_path)


def test_a_wrong_secret(receiver):
    ran = run("simulate", receiver.url, "--duration", 5, "--speed", 600, PRESENCE_SECRET="wrong")
    assert ran.parts == (1, "", (
        f"Error: {receiver.url} answered 401: give PRESENCE_SECRET, or --secret-file, the value that the receiver "
        "has.\n"))
    wait_until(lambda: any(entry.get("path") == "/presence" for entry in receiver.log), what="the log")
    assert len([entry for entry in receiver.log if entry.get("path") == "/presence"]) == 1


@pytest.mark.parametrize("path", ["/", "/presenc"])
def test_a_wrong_path(receiver, path):
    ran = run("simulate", receiver.base + path, "--duration", 5)
    status = 405 if path == "/" else 404
    assert ran.parts == (1, "", (
        f"Error: {receiver.base}{path} answered {status}: check the URL; a receiver takes deliveries at /presence.\n"))


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/presence"
    assert run("simulate", url, "--duration", 5).parts == (1, "", (
        f"Error: {url} does not answer (it cannot be reached): check the URL and that the receiver runs.\n"))


@pytest.mark.parametrize("counts", [
    {"accepted": "x", "rejected": 0}, {"accepted": None}, {"accepted": 1e999, "rejected": []},
    {"accepted": 32, "rejected": "0"}, {"accepted": {"a": 1}}])
def test_counts_that_are_none_acknowledge_nothing(counts):
    with ReceiverFake(SECRET) as fake:
        fake.ok = as_json(200, counts)
        ran = run("simulate", fake.url, "--duration", 0.1)
    assert (ran.code, ran.err) == (1, "Error: No delivery was acknowledged: 1 × 200.\n")


def test_an_answer_that_is_lost_later_does_not_end_it():
    with ReceiverFake(SECRET) as fake:
        fake.ok = as_json(200, {"accepted": 32, "rejected": 0})
        fake.misbehave("POST", well, reset)
        ran = run("simulate", fake.url, "--duration", 0.3, "--speed", 1200)
    assert ran.code == 0 and "1 × no answer" in ran.out


def test_the_folder_is_looked_at_first(receiver, tmp_path):
    missing = ("cannot be read (No such file or directory): "
               "give the folder that the receiver has as PRESENCE_DATA_DIR.\n")
    (tmp_path / "file").touch()
    ran = run("simulate", receiver.url, "--duration", 5, "--verify", tmp_path / "none")
    assert ran.parts == (1, "", f"Error: {tmp_path}/none {missing}")
    assert len(receiver.lines()) == 32
    assert run("simulate", receiver.url, "--duration", 5, "--verify", tmp_path / "file").code == 2
    assert run("simulate", receiver.url, "--duration", 0.1, "--verify", receiver.data).code == 0


def test_a_week_for_a_demonstration(tmp_path):
    folder = tmp_path / "demo"
    ran = run("simulate", "--into", folder, "--duration", "7d", "--interval", 3600, "--bad", 0.1, "--output", "json")
    said = json.loads(ran.out)
    assert [*said] == ["deliveries", "observations", "accepted", "rejected"]
    assert (ran.code, ran.err) == (0, f"All {said['accepted']:,} accepted and {said['rejected']:,} rejected "
                                      "observations are in the files, each once.\n")
    assert said["observations"] == 7 * 24 * 32 + 32 and said["rejected"] > 0
    assert sorted(path.name for path in folder.iterdir()) == [".presence.lock", "presence.jsonl", "rejected.jsonl"]
    times = [datetime.datetime.fromisoformat(line["receivedAt"]) for line in lines(folder)]
    assert times == sorted(times)
    assert datetime.timedelta(days=6, hours=23) <= times[-1] - times[0] <= datetime.timedelta(days=7)
    now = datetime.datetime.now(datetime.UTC)
    assert now - datetime.timedelta(hours=1, minutes=1) < times[-1] <= now
    again = run("simulate", "--into", folder)
    assert again.parts == (1, "", (
        f"Error: {folder} is not empty: give --into a new folder, that made-up lines are not mixed with others.\n"))


def test_where_nothing_is_posted_nothing_is_said_of_answers(tmp_path):
    ran = run("simulate", "--into", tmp_path / "demo", "--duration", "1h", "--interval", 600)
    assert (ran.code, ran.out) == (0, (
        "Deliveries        7\nObservations      224\nAccepted          224\nRejected          0\n"))


@pytest.mark.parametrize("arguments", [[], ["http://localhost/presence", "--into", "demo"]])
def test_a_url_or_a_folder(arguments):
    ran = run("simulate", *arguments)
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "Error: Give either URL or --into.")


def test_one_delivery_in_words():
    assert [counted(number, "delivery", "deliveries") for number in (0, 1, 2, 1200)] == [
        "0 deliveries", "1 delivery", "2 deliveries", "1,200 deliveries"]


def test_its_headers_are_those_of_send():
    with ReceiverFake(SECRET) as fake:
        fake.ok = as_json(200, {"accepted": 32, "rejected": 0})
        assert run("simulate", fake.url, "--duration", 0.1).code == 0
        [seen] = fake.seen
    sent = {name: seen.headers[name] for name in delivery.HEADERS if name != "Accept-Encoding"}
    assert sent == {name: value for name, value in delivery.HEADERS.items() if name != "Accept-Encoding"}
    assert seen.headers["Authorization"] == f"Basic {SECRET}"


def test_counts_that_are_not_ours():
    with ReceiverFake(SECRET) as fake:
        fake.ok = as_json(200, {"accepted": 31, "rejected": 0})
        assert run("simulate", fake.url, "--duration", 0.1).parts[::2] == (
            1, "Error: 1 answers counted other observations than were sent.\n")


def test_a_gateways_page_is_no_answer_of_the_receiver():
    with ReceiverFake(SECRET) as fake:
        fake.misbehave("POST", instead(page(502)))
        assert run("simulate", fake.url, "--duration", 0.1).parts[::2] == (
            1, "Error: No delivery was acknowledged: 1 × 502.\n")


def interrupted(process):
    """Press Ctrl-C, once more where the interpreter swallowed it: what is raised in a finalizer is lost."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=20)
    raise AssertionError("It goes on.")


def test_ctrl_c_ends_it_with_a_summary(receiver):
    script = Path(sys.executable).with_name("presence-cli")
    process = subprocess.Popen(
        [script, "simulate", receiver.url, "--speed", "600", "--verify", receiver.data],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PRESENCE_SECRET": SECRET})
    try:
        wait_until(lambda: receiver.data.exists() and len(receiver.lines()) > 32)
        out, err = interrupted(process)
    finally:
        process.kill()
        process.wait()
    assert re.fullmatch("All [0-9]+ accepted and 0 rejected observations are in the files, each once.\n", err)
    assert (process.returncode, out.partition(" ")[0]) == (130, "Deliveries")


def test_ctrl_c_at_a_terminal_leaves_the_summary_a_line_of_its_own(receiver):
    with Terminal("simulate", receiver.url, "--speed", "20", env={"PRESENCE_SECRET": SECRET}) as terminal:
        terminal.wait_for("1 delivery, 32 accepted, 0 rejected")
        while "Deliveries" not in terminal.shown:  # pressed once more where the interpreter swallowed it
            os.kill(terminal.process.pid, signal.SIGINT)
            end = time.monotonic() + 5
            while time.monotonic() < end and "Deliveries" not in terminal.shown:
                terminal.read()
        assert terminal.end() == 130
    assert "\r\nDeliveries " in terminal.shown


def test_ctrl_c_before_any_answer_is_no_failure():
    with ReceiverFake(SECRET) as fake:
        fake.misbehave("POST", silent)
        with Terminal("simulate", fake.url, env={"PRESENCE_SECRET": SECRET, "NO_COLOR": "1"}) as terminal:
            wait_until(lambda: fake.seen)
            while "Half answered" not in terminal.shown:
                os.kill(terminal.process.pid, signal.SIGINT)
                end = time.monotonic() + 5
                while time.monotonic() < end and "Half answered" not in terminal.shown:
                    terminal.read()
            assert terminal.end() == 130
    assert "Error" not in terminal.shown


@pytest.mark.slow
def test_the_load_of_a_large_account(tmp_path):
    with running(tmp_path, workers=2) as receiver:
        ran = run("simulate", receiver.url, "--aps", 50, "--devices", 40, "--speed", 600, "--duration", 10,
                  "--verify", receiver.data)
        assert ran.code == 0, ran.err


def test_what_was_not_answered_is_looked_for_as_it_is_kept(tmp_path):
    sent = {"ownerId": 7} | dict.fromkeys(traffic.KEY) | {"clientMac": "5CB901642E60", "seenEpoch": 1}
    kept = Pseudonyms("the key of this year", ())
    stored = json.loads(kept.text(json.dumps(sent).encode()))
    (tmp_path / "presence.jsonl").write_text(json.dumps(stored, separators=(",", ":")) + "\n")
    tally = Tally(owner_id=7, unanswered=Counter([traffic.key(sent)]))
    assert [fault for each in accounting.differences(tally, tmp_path, kept) for fault in each.faults()] == []
    assert [fault for each in accounting.differences(tally, tmp_path) for fault in each.faults()] != []
