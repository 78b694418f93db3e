"""Other commits of this project as contenders: each with its own files, so that one run compares old and new."""

import configparser
import contextlib
import importlib.metadata
import io
import pathlib
import shlex
import subprocess
import sys
import tarfile
import tempfile

from packaging.requirements import Requirement

from .contenders import ROOT, Contender


@contextlib.contextmanager
def checked_out(commits: list[str]):
    """A contender for each commit, by its name, started as its own Procfile says; their files go at the end."""
    with tempfile.TemporaryDirectory(prefix="presence-commits-") as folder:
        yield {commit: contender(commit, pathlib.Path(folder, str(number))) for number, commit in enumerate(commits)}


def contender(commit: str, folder: pathlib.Path) -> Contender:
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    _, *arguments = shlex.split((folder / "Procfile").read_text().removeprefix("web: "))
    return Contender(f"commit {commit}", [python(folder), "-m", "gunicorn", *arguments], folder, lambda: None)


def python(folder: pathlib.Path) -> str:
    """This interpreter where it has what the commit requires, else one of the commit's own."""
    config = configparser.ConfigParser()
    config.read(folder / "setup.cfg")
    wanted = config["options"]["install_requires"].split("\n")
    if all(is_met(Requirement(line)) for line in wanted if line and not line.startswith("#")):
        return sys.executable
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    own = str(folder / ".venv" / "bin" / "python")
    subprocess.run([own, "-m", "pip", "install", "--quiet", folder], check=True)
    return own


def is_met(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(importlib.metadata.version(requirement.name))
    except importlib.metadata.PackageNotFoundError:
        return False
