import gc
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from presence_receiver.cli.main import cli
from presence_receiver.storage import reader

ROOT = Path(__file__).parents[2]
README = ROOT / "README.rst"
SECRET = "operating-secret-Wq4"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def parts(self):
        return self.code, self.out, self.err


def run(*args, **env):
    """Runs the command line in this process."""
    env = {"PRESENCE_SECRET": SECRET, **env}
    result = CliRunner().invoke(cli, [*map(str, args)], env=env, terminal_width=78)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def until(is_so, seconds=20):
    """Waits for a condition and gives back its value."""
    end = time.monotonic() + seconds
    while not (value := is_so()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return value


class Receiver:
    """A real gunicorn as the Procfile runs it, on a free port of the loopback."""

    def __init__(self, folder, workers, settings):
        self.data = folder / "data"
        self.output = folder / "output"
        self.environment = {
            **os.environ, "HOME": str(folder), "PRESENCE_SECRET": SECRET,
            "WEB_CONCURRENCY": str(workers), "PRESENCE_DATA_DIR": str(self.data), "TMPDIR": str(folder),
            **settings,
        }
        command = (ROOT / "Procfile").read_text().removeprefix("web: gunicorn").split()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *command, "--bind", "127.0.0.1:0"],
                cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT,
            )

    @property
    def base(self):
        return until(self._address)

    def _address(self):
        assert self.process.poll() is None, self.output.read_text()
        _, mark, rest = self.output.read_text().partition("Listening at: ")
        return rest.split()[0] if mark and " (" in rest else None

    @property
    def url(self):
        return f"{self.base}/presence"

    @property
    def log(self):
        """What it has written so far, line by line."""
        whole, _, _ = self.output.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def lines(self, stem="presence"):
        return [json.loads(line) for line in reader.stored_lines(self.data, stem)]

    def stop(self):
        gc.collect()  # requests' sockets live as long as their answers; gunicorn waits for open ones
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


@contextmanager
def running(folder, workers=1, **settings):
    receiver = Receiver(folder, workers, settings)
    try:
        receiver.base
        yield receiver
    finally:
        receiver.stop()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    ours = ("PRESENCE_", "HIVEMANAGER_", "EXTREMECLOUDIQ_", "NETRC", "NO_COLOR", "FORCE_COLOR")
    for name in [*os.environ]:
        if name.startswith(ours) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def receiver(tmp_path):
    with running(tmp_path) as receiver:
        yield receiver


@pytest.fixture
def on_small_disk():
    """Mounts a tmpfs of a few megabytes, where that is allowed."""
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
