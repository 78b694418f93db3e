import re

import requests
from fakes.server import Fake, as_json, page

from deployment import SECRET, run, running
from presence_receiver.extras.probe import service

TOKEN = "metrics-token-Hc2v"


class Answers(Fake):
    def __init__(self, reply):
        super().__init__()
        self.reply = reply

    def answer(self, seen):
        return self.reply


def test_ready_and_counting(tmp_path):
    with running(tmp_path, PRESENCE_METRICS_TOKEN=TOKEN) as receiver:
        assert run("status", receiver.url).parts == (0, "Ready.\n", "")
        assert run("status", receiver.base, PRESENCE_METRICS_TOKEN=TOKEN).out == (
            "Ready.\nNo delivery since the start.\n")
        run("send", receiver.url)
        requests.post(receiver.url, b"[{}]", headers={"Authorization": f"Basic {SECRET}"})
        ran = run("status", receiver.url, PRESENCE_METRICS_TOKEN=TOKEN)
        assert re.sub("[0-9]+ s", "N s", ran.out) == (
            "Ready.\nLast delivery N s ago.\n27 observations a minute since the start N s ago.\n1 rejected.\n")
        wrong = run("status", receiver.url, PRESENCE_METRICS_TOKEN="wrong-token")
        assert wrong.parts == (1, "", f"Error: {receiver.base}/metrics answered 401: "
                                      "set PRESENCE_METRICS_TOKEN to what the receiver has.\n")


def test_not_ready():
    full = {"status": "unready", "error": "The storage at PRESENCE_DATA_DIR is full.", "warnings": ["Few bytes."]}
    with Answers(as_json(503, full)) as fake:
        assert run("status", fake.url + "/presence").parts == (
            1, "Not ready: The storage at PRESENCE_DATA_DIR is full.\nWarning: Few bytes.\n", "")
        assert fake.calls() == [("GET", "/readyz")]


def test_something_else_answers():
    with Answers(page(200)) as fake:
        assert run("status", fake.url).parts == (1, "", (
            f"Error: {fake.url}/readyz answered 200 with an HTML page: check that it is a receiver's URL.\n"))


def test_nobody_answers(tmp_path):
    with Answers(page(200)) as fake:
        url = fake.url
    assert run("status", url).parts == (1, "", (
        f"Error: {url}/readyz does not answer (it cannot be reached): "
        "check the URL and that the receiver runs.\n"))


def test_ages():
    assert [service.ago(seconds) for seconds in (0.4, 119, 120, 7199, 7200, 172_799, 172_800)] == [
        "0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]
