import hmac
import json
import os
import re
import signal
import subprocess
import sys

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from deployment import ROOT, SECRET, run, running
from processes import children
from running import wait_until
from presence_receiver import create_app

TOKEN = "metrics-token-Hc2v"


def scrape(receiver):
    answer = requests.get(f"{receiver.base}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200, "text/plain; version=0.0.4; charset=utf-8")
    return [*text_string_to_metric_families(answer.text)]


def values(receiver):
    """Each sample's value by its name and labels: presence_deliveries_total{status="200"}."""
    return {key(sample): sample.value for family in scrape(receiver) for sample in family.samples}


def key(sample):
    labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
    return f"{sample.name}{{{labels}}}" if labels else sample.name


def waiting_to_end(receiver):
    return [*receiver.output.parent.glob("presence-metrics-*")]


def test_without_a_token_there_is_no_page(tmp_path):
    client = create_app({"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path)}).test_client()
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
        answer = client.get("/metrics", headers=headers)
        assert (answer.status_code, answer.get_json()) == (404, {
            "error": "There is no /metrics without PRESENCE_METRICS_TOKEN: set it at the receiver, and show it as "
                     "bearer token."})


def test_nothing_of_prometheus_is_imported_without_a_token(tmp_path):
    code = ("import sys; from presence_receiver import create_app; create_app(); "
            "print('prometheus_client' in sys.modules)")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT,
                         env={"PRESENCE_SECRET": SECRET})
    assert (ran.stdout, ran.stderr) == ("False\n", "")


@pytest.mark.parametrize("header", [None, "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer "])
def test_the_token_is_asked_for(tmp_path, header):
    app = create_app({"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path),
                      "PRESENCE_METRICS_TOKEN": TOKEN})
    answer = app.test_client().get("/metrics", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"], answer.get_json()) == (
        401, 'Bearer realm="presence"', {"error": "The Authorization header must carry PRESENCE_METRICS_TOKEN, "
                                                  "as in: Authorization: Bearer <token>"})


def test_four_workers_agree_with_the_simulator(tmp_path):
    settings = {"PRESENCE_METRICS_TOKEN": TOKEN, "PRESENCE_ROTATE_BYTES": "5000", "PRESENCE_COMPRESS": "none"}
    with running(tmp_path, workers=4, **settings) as receiver:
        ran = run("simulate", receiver.url, "--speed", 1200, "--duration", 1.5, "--bad", 0.2, "--output", "json")
        run("send", receiver.url, PRESENCE_SECRET="wrong-secret")

        def closed():
            return [path for path in receiver.data.iterdir() if re.search(r"-\d{8}T", path.name)]

        # housekeeping's next round
        wait_until(lambda: values(receiver).get("presence_closed_files_waiting") == len(closed()) > 0)
        found = values(receiver)
        stored = sum(path.stat().st_size for path in receiver.data.glob("*.jsonl"))
    said = json.loads(ran.out)
    assert found['presence_observations_total{result="accepted"}'] == said["accepted"] > 0
    assert found['presence_observations_total{result="rejected"}'] == said["rejected"] > 0
    assert found['presence_deliveries_total{status="200"}'] == said["deliveries"] == said["answers"]["200"]
    assert found['presence_deliveries_total{status="401"}'] == 1
    assert found['presence_secret_used_total{secret="current"}'] == said["deliveries"]
    assert found['presence_secret_used_total{secret="previous"}'] == 0
    assert found["presence_stored_bytes_total"] == stored
    assert found["presence_append_seconds_count"] == said["deliveries"]
    assert found["presence_commit_deliveries_sum"] == said["deliveries"]
    assert found["presence_commit_deliveries_count"] == found["presence_sync_seconds_count"]
    rotations = {stem: found[f'presence_rotations_total{{file="{stem}"}}'] for stem in ("presence", "rejected")}
    assert sum(rotations.values()) == found["presence_closed_files_waiting"] == len(closed()) > 0
    assert 0 < found["presence_sync_seconds_sum"] <= found["presence_append_seconds_sum"]
    assert found["presence_free_bytes"] > 0


def test_the_previous_secret_is_told_apart(tmp_path):
    settings = {"PRESENCE_METRICS_TOKEN": TOKEN, "PRESENCE_PREVIOUS_SECRET": "secret-before"}
    with running(tmp_path, **settings) as receiver:
        assert run("send", receiver.url, PRESENCE_SECRET="secret-before").code == 0
        found = values(receiver)
    assert (found['presence_secret_used_total{secret="current"}'],
            found['presence_secret_used_total{secret="previous"}']) == (0, 1)


def test_a_worker_that_dies_loses_no_count_and_the_folder_goes_at_the_end(tmp_path):
    with running(tmp_path, PRESENCE_METRICS_TOKEN=TOKEN) as receiver:
        run("send", receiver.url)
        [worker] = children(receiver.process.pid)
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: children(receiver.process.pid) not in ([], [worker]))
        run("send", receiver.url)
        assert values(receiver)['presence_observations_total{result="accepted"}'] == 2 * 27
        assert len(waiting_to_end(receiver)) == 1
    assert waiting_to_end(receiver) == []


def test_the_page_has_the_table(tmp_path):
    with running(tmp_path, PRESENCE_METRICS_TOKEN=TOKEN) as receiver:
        run("send", receiver.url)
        found = {named(family): (family.type, labels(family)) for family in scrape(receiver)}
    page = (ROOT / "presence_receiver" / "monitoring" / "README.rst").read_text()
    rows = re.findall(r"^``(presence_\w+)`` +(counter|gauge|histogram) +(\S+)", page, re.MULTILINE)
    table = {name: (kind, set() if label == "–" else {label}) for name, kind, label in rows}
    assert found == table


def labels(family):
    return {label for sample in family.samples for label in sample.labels} - {"le"}


def named(family):
    return f"{family.name}_total" if family.type == "counter" else family.name


def test_the_token_is_compared_in_constant_time(tmp_path, monkeypatch):
    app = create_app({"PRESENCE_SECRET": SECRET, "PRESENCE_DATA_DIR": str(tmp_path), "PRESENCE_METRICS_TOKEN": TOKEN})
    compared, compare = [], hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or compare(*both))
    assert app.test_client().get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401
    assert (b"Bearer x", f"Bearer {TOKEN}".encode()) in compared
