import datetime
import json
import os
import subprocess
from contextlib import contextmanager

import pytest
import requests

from deployment import SECRET, run, running
from running import wait_until
from presence_receiver import create_app
from presence_receiver.monitoring import readiness
from presence_receiver.storage import line_files

FEW = "Less space is left at PRESENCE_DATA_DIR than PRESENCE_MIN_FREE_BYTES."


@pytest.fixture
def settings(tmp_path):
    return {"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path / "data"), "PRESENCE_MIN_FREE_BYTES": 0}


@pytest.fixture
def on_small_disk():
    """Mount a tmpfs of a few megabytes, where that is allowed."""
    @contextmanager
    def mounted(folder, size="8m"):
        disk = folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk]).returncode:
            pytest.skip("mounting a filesystem is not permitted on this machine")
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)

    return mounted


@pytest.fixture
def client(settings):
    return create_app(settings).test_client()


@pytest.fixture
def asks_always(monkeypatch):
    monkeypatch.setattr(readiness, "SECONDS", 0)


def answer(client, path="/readyz"):
    got = client.get(path)
    return got.status_code, got.get_json()


@pytest.fixture
def free(monkeypatch):
    """Makes statvfs say how many bytes are free."""
    real = os.statvfs

    def pretend(count):
        monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(
            (1, 1, 10**12, count, count, *real(path)[5:10])))

    return pretend


def test_healthz_touches_no_disk(client, tmp_path):
    assert answer(client, "/healthz") == (200, {"status": "alive"})
    assert not (tmp_path / "data").exists()


def test_ready_leaves_what_an_append_would_find(client, tmp_path):
    assert answer(client) == (200, {"status": "ready", "warnings": []})
    assert {path.name: path.stat().st_size for path in (tmp_path / "data").iterdir()} == {
        ".presence.lock": 0, "presence.jsonl": 0, "rejected.jsonl": 0}


def test_little_space_is_a_warning(settings, free):
    client = create_app({**settings, "PRESENCE_MIN_FREE_BYTES": 50_000_000}).test_client()
    free(49_999_999)
    assert answer(client) == (200, {"status": "ready", "warnings": [FEW]})
    free(50_000_000)
    assert answer(client) == (200, {"status": "ready", "warnings": []})


def test_a_full_disk_and_back(client, free, asks_always):
    free(line_files.SLACK - 1)
    assert answer(client) == (503, {
        "status": "unready", "error": "The storage at PRESENCE_DATA_DIR is full.", "warnings": []})
    free(10**9)
    assert answer(client) == (200, {"status": "ready", "warnings": []})


def test_an_answer_holds_for_a_second(client, free, monkeypatch):
    assert answer(client)[0] == 200
    free(0)
    assert answer(client)[0] == 200
    monkeypatch.setattr(readiness, "SECONDS", 0)
    assert answer(client)[0] == 503


def test_a_folder_that_is_none(settings, tmp_path):
    (tmp_path / "data").write_text("")
    client = create_app(settings).test_client()
    assert answer(client) == (503, {
        "status": "unready", "error": "The storage at PRESENCE_DATA_DIR failed.", "warnings": []})


def test_a_sync_that_fails(client, asks_always, monkeypatch):
    def failing(descriptor):
        raise OSError(5, "Input/output error")

    assert answer(client)[0] == 200
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing)
        assert answer(client)[1]["error"] == "The storage at PRESENCE_DATA_DIR failed."
    assert answer(client)[0] == 200


def test_checking_writes_nothing_to_lines_that_are_there(client, tmp_path, asks_always):
    client.get("/readyz")
    now = datetime.datetime.now(datetime.UTC)  # an older line would be due for rotation
    line = f'{{"receivedAt":"{now:%Y-%m-%dT%H:%M:%S.%fZ}"}}\n'
    (tmp_path / "data" / "presence.jsonl").write_text(line)
    client.get("/readyz")
    assert (tmp_path / "data" / "presence.jsonl").read_text() == line


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_get_alone(client, path):
    assert client.post(path).status_code == client.options(path).status_code == 405


@pytest.mark.slow
def test_a_filesystem_that_is_really_full(tmp_path, on_small_disk):
    """On a tmpfs of 8 MB, as root."""
    with on_small_disk(tmp_path) as disk, running(tmp_path, PRESENCE_DATA_DIR=str(disk)) as receiver:
        ready = requests.get(f"{receiver.base}/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "warnings": [FEW]})
        (disk / "ballast").write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
        assert run("send", receiver.url).err == (
            f"Error: {receiver.url} answered 503: The storage at PRESENCE_DATA_DIR is full.\n")
        eventually(receiver, 503)
        (disk / "ballast").unlink()
        eventually(receiver, 200)
        assert run("send", receiver.url).code == 0


def eventually(receiver, status):
    wait_until(lambda: requests.get(f"{receiver.base}/readyz").status_code == status)


def test_logs_are_json_and_silent_about_secrets(tmp_path):
    with running(tmp_path) as receiver:
        run("send", receiver.url)
        run("send", receiver.url, PRESENCE_SECRET="not-the-secret-Rt5")
        requests.get(f"{receiver.base}/healthz?secret=in-the-query", headers={"X-Request-Id": "router-7f3a"})
    log = receiver.log
    access = [entry for entry in log if entry["logger"] == "gunicorn.access"]
    assert [entry["message"] for entry in access] == [
        "POST /presence 200", "POST /presence 401", "GET /healthz 200"]
    assert {*access[2]} == {"time", "level", "logger", "message", "method", "path", "status", "bytes",
                            "milliseconds", "request_id"}
    assert (access[2]["request_id"], access[2]["path"], access[2]["status"]) == ("router-7f3a", "/healthz", 200)
    assert "request_id" not in access[0]
    assert {entry["logger"] for entry in log} == {
        "gunicorn.error", "gunicorn.access", "presence_receiver.webhook.views"}
    everything = json.dumps(log)
    assert not any(text in everything for text in (SECRET, "not-the-secret-Rt5", "in-the-query", "Java/1.7"))


def test_a_warning_carries_the_request_id(tmp_path):
    with running(tmp_path) as receiver:
        requests.post(receiver.url, headers={"X-Request-Id": "router-7f3a", "Authorization": "Basic wrong"})
    [warning] = [entry for entry in receiver.log if entry["logger"] == "presence_receiver.webhook.views"]
    assert (warning["level"], warning["request_id"]) == ("WARNING", "router-7f3a")
