"""The rules and the dashboard ask for metrics that there are."""
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from presence_receiver.monitoring.prometheus import PrometheusMetrics

FOLDER = Path(__file__).parents[2] / "presence_receiver" / "monitoring"
SUFFIXES = ("_bucket", "_count", "_sum")


def rules():
    [group] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return group["rules"]


def asked():
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    expressions = [rule["expr"] for rule in rules()] + [it["expr"] for panel in panels for it in panel["targets"]]
    return [(name, text) for text in expressions for name in re.findall(r"presence_\w+", text)]


def known(name, folder):
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return f"# TYPE {name.removesuffix('_total')}" in folder or f"# TYPE {name}" in folder


@pytest.fixture
def exposition(tmp_path, monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    return PrometheusMetrics().exposition(tmp_path, None, True).decode()


def test_every_metric_that_is_asked_for_is_there(exposition):
    assert asked() and [name for name, _ in asked() if not known(name, exposition)] == []


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_takes_the_rules():
    ran = subprocess.run(["promtool", "check", "rules", FOLDER / "alerts.yml"], capture_output=True, text=True)
    assert (ran.returncode, f"{len(rules())} rules found" in ran.stdout) == (0, True), ran.stdout + ran.stderr


def test_a_rule_for_silence_also_sees_that_no_metric_comes_at_all():
    assert any("absent(" in rule["expr"] for rule in rules())
    assert {rule["labels"]["severity"] for rule in rules()} == {"critical", "warning"}
    assert all(rule["annotations"]["summary"].endswith(".") for rule in rules())
