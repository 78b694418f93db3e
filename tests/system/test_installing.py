"""What a platform does with the repository, and what a package index would: fresh environments, pip's own commands."""
import configparser
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from running import ROOT, SECRET, Receiver

from presence_receiver import __version__

FLOORS = {"marshmallow": "4.1.2", "urllib3": "2.7", "requests": "2.33", "python-dotenv": "1.2.2", "werkzeug": "3.1.6"}
"""The first versions without a hole that was known when they were written down."""

FILES = [ROOT / "requirements.txt", *sorted((ROOT / "presence_receiver/extras").glob("*/requirements.txt"))]


def command(*words, folder=ROOT, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PRESENCE_", "PYTHON"))}
    ran = subprocess.run([*map(str, words)], cwd=folder, env=environment | variables, capture_output=True, text=True,
                         timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The interpreter of an environment with nothing in it but what requirements.txt brings."""
    folder = tmp_path_factory.mktemp("fresh")
    command(sys.executable, "-m", "venv", folder)
    command(folder / "bin" / "pip", "install", "-q", "-r", "requirements.txt")
    return folder / "bin" / "python"


def required():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return [Requirement(line) for line in setup["options"]["install_requires"].strip().splitlines()]


def test_no_version_before_the_floors_is_admitted():
    found = {each.name: each.specifier for each in required()}
    admitted = {name for name, floor in FLOORS.items() if f">={floor}" not in map(str, found[name])}
    assert admitted == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_package_is_pinned_with_its_hashes_and_no_index_is_named(path):
    packages = re.sub(r"\s*#.*", "", path.read_text().replace("\\\n", "")).strip().splitlines()
    assert packages
    pinned = re.compile(r"[\w.-]+==\S+( +--hash=sha256:[0-9a-f]{64})+\s*")
    assert [line for line in packages if not pinned.fullmatch(line)] == []


@pytest.mark.slow
def test_the_procfile_runs_on_the_requirements_alone(fresh, tmp_path):
    receiver = Receiver(tmp_path / "data", tmp_path / "log")
    receiver.command = [str(fresh.with_name(receiver.command[0])), *receiver.command[1:]]
    with receiver:
        assert receiver.post([]).status == 200
        url = f"http://127.0.0.1:{receiver.port}/presence"
        said = command(fresh, "-m", "presence_receiver", "send", url, PRESENCE_SECRET=SECRET)
        assert said == '{"accepted": 27, "rejected": 0}\n'
    assert len((tmp_path / "data" / "presence.jsonl").read_text().splitlines()) == 27


@pytest.mark.slow
def test_the_command_line_is_there_without_the_project_being_installed(fresh):
    assert command(fresh, "-m", "presence_receiver", "--version").startswith("presence-cli, version 0.")
    assert not fresh.with_name("presence-cli").exists()


@pytest.mark.slow
@pytest.mark.parametrize("path, library", [
    ("extras/bucket/requirements.txt", "obstore"), ("extras/report/requirements.txt", "duckdb"),
])
def test_each_extra_installs_beside_the_core(path, library, tmp_path):
    """As a platform does where the first line of requirements.txt names the extra's."""
    text = (ROOT / "requirements.txt").read_text()
    (tmp_path / "requirements.txt").write_text(f"-r {ROOT / 'presence_receiver' / path}\n{text}")
    command(sys.executable, "-m", "venv", tmp_path / "fresh")
    command(tmp_path / "fresh" / "bin" / "pip", "install", "-q", "-r", tmp_path / "requirements.txt")
    python = tmp_path / "fresh" / "bin" / "python"
    command(python, "-c", f"import {library}, flask, gunicorn")
    command(python, "-m", "pip", "check")


@pytest.mark.slow
def test_the_sdist_holds_what_a_build_from_it_needs(tmp_path):
    """`build` makes the sdist, unpacks it elsewhere and makes the wheel from that."""
    clone = tmp_path / "clone"
    command("git", "clone", "-q", ROOT, clone)
    command(sys.executable, "-m", "build", "--outdir", tmp_path / "made", folder=clone)
    [wheel] = (tmp_path / "made").glob("*.whl")
    built = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("presence_receiver/")}
    listed = command("git", "ls-files", "presence_receiver", folder=clone).splitlines()
    needed = {name for name in listed if Path(name).suffix in (".py", ".json", ".typed")}
    assert needed - built == set()


@pytest.mark.slow
def test_after_a_pull_gunicorn_and_the_command_line_run_the_same_code(tmp_path):
    """As the README installs it; a pull is a changed version here."""
    clone = tmp_path / "clone"
    command("git", "clone", "-q", ROOT, clone)
    readme = (ROOT / "README.rst").read_text()
    install = re.search("^    (python3 -m venv .*) && PRESENCE_SECRET", readme, re.MULTILINE)[1]
    command("bash", "-c", install.replace("python3", sys.executable, 1), folder=clone)
    module = clone / "presence_receiver" / "__init__.py"
    module.write_text(module.read_text().replace(f'__version__ = "{__version__}"', '__version__ = "9.8.7"'))
    assert command(".venv/bin/presence-cli", "-V", folder=clone) == "presence-cli, version 9.8.7\n"
    with (clone / "wsgi.py").open("a") as file:
        file.write("import presence_receiver, sys; print(presence_receiver.__version__, file=sys.stderr)\n")
    receiver = Receiver(tmp_path / "data", tmp_path / "log")
    receiver.command = ["env", "-C", str(clone), ".venv/bin/gunicorn", *receiver.command[1:]]
    with receiver:
        assert "9.8.7" in receiver.text().splitlines()
