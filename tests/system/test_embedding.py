"""init_app: the receiver inside someone's own Flask application, which stays theirs."""
import pytest
from flask import Flask
from reading import lines
from running import AUTHORIZED, SECRET

from presence_receiver import init_app
from presence_receiver.errors import ConfigError

GOOD = {"clientMac": "5CB901642E60", "seenEpoch": 1463828775360}


@pytest.fixture
def theirs(tmp_path):
    app = Flask("theirs")
    app.config.update(PRESENCE_SECRET=SECRET, PRESENCE_DATA_DIR=tmp_path / "data", PRESENCE_ROTATE_BYTES=64_000)
    app.get("/")(lambda: "their own page")
    init_app(app, url_prefix="/wifi")
    return app


def test_deliveries_are_posted_below_the_prefix(theirs, tmp_path):
    answer = theirs.test_client().post("/wifi/presence", json=[{"observations": [GOOD]}], headers=AUTHORIZED)
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "rejected": 0})
    (line,) = lines(tmp_path / "data")
    assert (line["clientMac"], line["seenEpoch"]) == tuple(GOOD.values())


def test_refusals_are_ours_below_the_prefix(theirs):
    answer = theirs.test_client().post("/wifi/presence")
    assert (answer.status_code, list(answer.json)) == (401, ["error"])


def test_all_else_stays_theirs(theirs):
    client = theirs.test_client()
    assert client.get("/").text == "their own page"
    assert [client.post(path).content_type for path in ("/presence", "/nothing")] == ["text/html; charset=utf-8"] * 2


def test_nothing_is_opened_before_the_first_delivery(theirs, tmp_path):
    assert list(tmp_path.iterdir()) == []


def test_the_applications_settings_win_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PRESENCE_SECRET", "another one")
    app = Flask("theirs")
    app.config["PRESENCE_SECRET"] = SECRET
    app.config["PRESENCE_DATA_DIR"] = str(tmp_path)
    init_app(app)
    assert app.test_client().post("/presence", json=[], headers=AUTHORIZED).status_code == 200


def test_faulty_settings_are_told_all_at_once(monkeypatch):
    monkeypatch.delenv("PRESENCE_SECRET", raising=False)
    app = Flask("theirs")
    app.config["PRESENCE_ROTATE_BYTES"] = "many"
    with pytest.raises(ConfigError) as error:
        init_app(app)
    assert [sentence.split()[0] for sentence in error.value.args] == ["PRESENCE_SECRET", "PRESENCE_ROTATE_BYTES"]
