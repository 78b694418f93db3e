"""A receiver as it is deployed, one worker or more, with the command line beside it."""
import gc
import json
import os
import subprocess
import sys
from contextlib import contextmanager

import command_line
from running import ROOT, wait_until

from presence_receiver.storage import reader

SECRET = "operating-secret-Wq4"


def run(*args, **env):
    """Run the command line in this process with a deployed receiver's secret, and these variables."""
    return command_line.run(*map(str, args), env={"PRESENCE_SECRET": SECRET, **env})


class Deployment:
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
        return wait_until(self._address)

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
    receiver = Deployment(folder, workers, settings)
    try:
        receiver.base
        yield receiver
    finally:
        receiver.stop()
