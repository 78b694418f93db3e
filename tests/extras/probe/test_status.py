import os
import re
import time

import pytest
import requests
from fakes.server import Fake, Reply, as_json, page

from deployment import SECRET, run, running
from presence_receiver.cli import in_seconds
from presence_receiver.extras.probe import service

TOKEN = "metrics-token-Hc2v"


class Answers(Fake):
    def __init__(self, reply):
        super().__init__()
        self.reply = reply

    def answer(self, seen):
        return self.reply


NO_TOKEN = "Give PRESENCE_METRICS_TOKEN, here and at the receiver, to see how much comes.\n"
NO_AGE = ("Give the receiver's own PRESENCE_SECRET to see when the last delivery came, and PRESENCE_METRICS_TOKEN, "
          "here and at the receiver, to see how much comes.\n")


def plain(text):
    return re.sub("[0-9]+ s", "N s", text)


def test_ready_and_counting(tmp_path):
    with running(tmp_path, PRESENCE_METRICS_TOKEN=TOKEN) as receiver:
        assert run("status", receiver.url, PRESENCE_SECRET="").parts == (0, f"Ready.\n{NO_AGE}", "")
        assert run("status", receiver.url, PRESENCE_SECRET="not-the-secret").out == f"Ready.\n{NO_AGE}"
        assert run("status", receiver.url).parts == (0, f"Ready.\nNo delivery has come yet.\n{NO_TOKEN}", "")
        run("send", receiver.url)
        requests.post(receiver.url, b"[{}]", headers={"Authorization": f"Basic {SECRET}"})
        ran = run("status", receiver.base, PRESENCE_METRICS_TOKEN=TOKEN)
        assert plain(ran.out) == (
            "Ready.\nLast delivery N s ago.\n27 observations since the start N s ago.\n1 rejected.\n")
        wrong = run("status", receiver.url, PRESENCE_METRICS_TOKEN="wrong-token")
        assert wrong.parts == (1, "", f"Error: {receiver.base}/metrics answered 401: "
                                      "set PRESENCE_METRICS_TOKEN to what the receiver has.\n")


def test_a_receiver_without_the_token(tmp_path):
    with running(tmp_path) as receiver:
        assert run("status", receiver.url, PRESENCE_METRICS_TOKEN=TOKEN).parts == (1, "", (
            f"Error: {receiver.base}/metrics answered 404: set PRESENCE_METRICS_TOKEN at the receiver too.\n"))


def test_older_than_may_be(tmp_path):
    what_to_do = "see whether `presence-cli list` shows the subscription, and what `presence-cli doctor` finds.\n"
    with running(tmp_path) as receiver:
        never = run("status", receiver.url, "--max-age", "15m")
        assert (never.code, never.err) == (1, f"Error: No delivery has come yet: {what_to_do}")
        requests.post(receiver.url, b"[]", headers={"Authorization": f"Basic {SECRET}"})
        good = run("status", receiver.url, "--max-age", "15m")
        assert (good.code, plain(good.out), good.err) == (0, f"Ready.\nLast delivery N s ago.\n{NO_TOKEN}", "")
        stranger = run("status", receiver.url, "--max-age", "15m", PRESENCE_SECRET="not-the-secret")
        assert (stranger.code, stranger.err) == (
            1, "Error: The receiver does not say when the last delivery came: give --max-age the receiver's own "
               "PRESENCE_SECRET or PRESENCE_METRICS_TOKEN, in the environment or in a file for --env-file.\n")
        receiver.stop()
    long_ago = time.time() - 1200
    os.utime(receiver.data / ".last-delivery", (long_ago, long_ago))
    with running(tmp_path) as receiver:
        old = run("status", receiver.url, "--max-age", "15m")
        assert old.parts == (1, f"Ready.\nLast delivery 20 min ago.\n{NO_TOKEN}", (
            f"Error: The last delivery came 20 min ago, and --max-age is 15 min: {what_to_do}"))
        assert run("status", receiver.url, "--max-age", "1h").code == 0


def test_the_last_delivery_before_the_start_is_in_the_metrics(tmp_path):
    long_ago = time.time() - 1200
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".last-delivery").touch()
    os.utime(tmp_path / "data" / ".last-delivery", (long_ago, long_ago))
    with running(tmp_path, workers=2, PRESENCE_METRICS_TOKEN=TOKEN) as receiver:
        def found():
            text = requests.get(f"{receiver.base}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
            return service.parsed(text)
        for _ in range(4):
            assert found()["presence_last_delivery_timestamp_seconds"] == pytest.approx(long_ago, abs=1)
            assert found()["presence_ready"] == 1
        requests.post(receiver.url, b"[]", headers={"Authorization": f"Basic {SECRET}"})
        for _ in range(4):
            assert found()["presence_last_delivery_timestamp_seconds"] > long_ago + 1000


def test_figures_of_the_first_minute_and_of_later_ones():
    started = time.time() - 300
    text = (f'presence_start_timestamp_seconds {started}\npresence_observations_total{{result="accepted"}} 23754\n'
            'presence_observations_total{result="rejected"} 1234\n')
    assert [*service.counted(service.parsed(text), started + 300)] == [
        "4,751 observations a minute since the start 5 min ago.", "1,234 rejected."]
    assert [*service.counted(service.parsed(text), started + 11)] == [
        "23,754 observations since the start 11 s ago.", "1,234 rejected."]


@pytest.mark.parametrize(["typed", "seconds"], [
    ("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400), ("1.5h", 5400), ("0.1", 0.1),
])
def test_an_age(typed, seconds):
    assert in_seconds(None, None, typed) == seconds


@pytest.mark.parametrize("typed", ["", "0", "15 m", "15min", "-1", "1.h", "m"])
def test_what_is_no_age(typed):
    ran = run("status", "http://localhost:1", "--max-age", typed)
    assert (ran.code, ran.err.splitlines()[-1]) == (2, (
        f"Error: Invalid value for '--max-age': {typed!r} is no time: type seconds, or a number with s, m, h or d, "
        "as in 15m."))


@pytest.mark.parametrize("more", [
    {"warnings": None}, {"warnings": 5}, {"warnings": [None]}, {"secondsSinceDelivery": "x"},
    {"secondsSinceDelivery": [1]}, {"secondsSinceDelivery": float("inf")}])
def test_json_of_another_service(more):
    with Answers(as_json(200, {"status": "ready"} | more)) as fake:
        for args in ((), ("--max-age", "15m")):
            assert run("status", fake.url, *args).parts == (1, "", (
                f"Error: {fake.url}/readyz answered 200 with JSON: check that it is a receiver's URL.\n"))


COUNTS = """presence_start_timestamp_seconds 1
presence_observations_total{result="accepted"} NaN
presence_observations_total{result="rejected"} +Inf
"""


@pytest.mark.parametrize("metrics", ["", "go_info 1\n", "garbage {{{ \n", "presence_start_timestamp_seconds x", COUNTS])
def test_metrics_of_another_service(metrics):
    with Metrics(metrics) as fake:
        assert run("status", fake.url, PRESENCE_METRICS_TOKEN=TOKEN).parts == (1, "", (
            f"Error: {fake.url}/metrics does not have a receiver's counts: check that it is a receiver's URL.\n"))


class Metrics(Answers):
    def answer(self, seen):
        return Reply(200, self.reply.encode()) if seen.path == "/metrics" else as_json(200, {"status": "ready"})


def test_an_age_beyond_a_century():
    assert in_seconds(None, None, "36500d") == 36_500 * 86_400
    for args in (["status", "http://localhost:1", "--max-age"], ["simulate", "--into", "x", "--duration"]):
        ran = run(*args, "36501d")
        assert (ran.code, ran.err.splitlines()[-1]) == (
            2, f"Error: Invalid value for '{args[-1]}': '36501d' is longer than 36500d.")


def test_not_ready():
    full = {"status": "unready", "error": "The storage at PRESENCE_DATA_DIR is full.", "warnings": ["Few bytes."],
            "secondsSinceDelivery": 5}
    with Answers(as_json(503, full)) as fake:
        assert run("status", fake.url + "/presence").parts == (
            1, f"Warning: Few bytes.\nLast delivery 5 s ago.\n{NO_TOKEN}",
            "Error: Not ready: The storage at PRESENCE_DATA_DIR is full.\n")
        assert fake.calls() == [("GET", "/readyz")]


def test_something_else_answers():
    with Answers(page(200)) as fake:
        assert run("status", fake.url).parts == (1, "", (
            f"Error: {fake.url}/readyz answered 200 with an HTML page: check that it is a receiver's URL.\n"))


@pytest.mark.parametrize("secret", ["пароль12345", "caf\udce9secret"])
@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_secret_that_no_header_can_carry(command, secret):
    with Answers(as_json(200, {"status": "ready"})) as fake:
        ran = run(command, f"{fake.url}/presence", PRESENCE_SECRET=secret)
    assert ran.code == 1
    assert ran.err == ("Error: A secret or an access token has a character that an HTTP header cannot carry: "
                       "`presence-cli new-secret` makes a secret without.\n")


def test_nobody_answers(tmp_path):
    with Answers(page(200)) as fake:
        url = fake.url
    assert run("status", url).parts == (1, "", (
        f"Error: {url}/readyz does not answer (it cannot be reached): "
        "check the URL and that the receiver runs.\n"))


def test_ages():
    assert [service.ago(seconds) for seconds in (0.4, 119, 120, 7199, 7200, 172_799, 172_800)] == [
        "0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]
