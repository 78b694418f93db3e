"""The commands still work; their figures are not judged here."""

import json
import pathlib
import subprocess
import sys

import pytest
from ceph import Ceph
from contenders import CONTENDERS

pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).parents[2]
LONGEST = 180


def run(name, *arguments):
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", "--quick", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        try:
            output, errors = process.communicate(timeout=LONGEST)
        finally:
            process.terminate()  # so that it ends its servers
    assert process.returncode == 0, errors
    return output


def skip_unless_installed(name):
    missing = CONTENDERS[name].missing()
    if missing:
        pytest.skip(f"{missing}; see tests/benchmarks/peers/install.sh")


@pytest.mark.parametrize("name", CONTENDERS)
def test_compare(name, tmp_path):
    skip_unless_installed(name)
    output = run("compare", "--contenders", name, "--sizes", "3,500", "--json", tmp_path / "result.json")
    rounds = json.loads((tmp_path / "result.json").read_text())["rounds"]
    wrong = [(found["missing"], found["refused"], found["unanswered"]) for found in rounds]
    assert wrong == [(0, 0, 0), (0, 0, 0)]
    assert all(found["observations"] > 0 for found in rounds)
    assert output.count(CONTENDERS[name].label) == 3


def test_bucket():
    if program := Ceph.missing():
        pytest.skip(f"{program} is not installed")
    output = run("bucket")
    rows = [line.split() for line in output.splitlines() if line.startswith(("files", "bucket"))]
    assert [(way, size, missing) for way, size, *_, missing, _ in rows] == [
        ("files", "50", "0"), ("bucket", "50", "0"), ("files", "500", "0"), ("bucket", "500", "0")]
    assert "PUTs a month" in output


def test_report():
    output = run("report")
    assert all(row in output for row in ("loop in plain Python", "table of hours", "page, compressed files"))


def test_privacy():
    assert "judged and appended" in run("privacy")


def test_an_old_commit_beside_this_one():
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("this is no clone")
    output = run("compare", "--old", "HEAD", "--contenders", "receiver", "--sizes", "3")
    assert output.count("commit HEAD") == 3 and "times commit HEAD" in output


def test_parts():
    output = run("parts", "--sizes", "50")
    assert all(row in output for row in ("bare msgspec decode", "LightFlask", "a writer each"))


def test_sizing():
    skip_unless_installed("receiver")
    assert "closed files" in run("sizing")
