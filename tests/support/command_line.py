"""`presence-cli` in this process, or in one of its own with a terminal in front."""
import os
import pty
import select
import signal
import subprocess
import sys
from dataclasses import dataclass

from click.testing import CliRunner

from presence_receiver.cli.main import cli

PRINTED = []
"""Everything that any run printed; see `nothing_leaked`."""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def parts(self):
        return self.code, self.out, self.err


def run(*args, env=None, stdin=None):
    """Run the command line in this process, and remember what it printed."""
    result = CliRunner().invoke(cli, [*args], env=env, input=stdin, terminal_width=78)
    PRINTED.extend((result.stdout, result.stderr))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def command(*args):
    return [sys.executable, "-c", "from presence_receiver.cli.main import main; main()", *args]


class Terminal:
    """The command line in a process of its own, with a terminal in front."""

    def __init__(self, *args, env):
        self.shown = ""
        self.master, slave = pty.openpty()
        everything = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **env}
        self.process = subprocess.Popen(command(*args), stdin=slave, stdout=slave, stderr=slave,
                                        env=everything, start_new_session=True)
        os.close(slave)

    def wait_for(self, text):
        while text not in self.shown:
            assert self.read(), f"ended without {text!r}: {self.shown!r}"

    def read(self):
        assert self.has_more(20), f"nothing more came after {self.shown!r}"
        try:
            some = os.read(self.master, 4096).decode()
        except OSError:
            return ""
        self.shown += some
        return some

    def has_more(self, seconds):
        """Whether it shows more, or ends, within so long; poll, since select takes no descriptor beyond 1,023."""
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def type(self, text):
        os.write(self.master, text.encode())

    def interrupt(self):
        """Ctrl-C, as often as it takes: Python notices one that comes just before it reads only with the next."""
        for _ in range(40):
            os.kill(self.process.pid, signal.SIGINT)
            if self.has_more(0.5):
                return

    def end(self):
        while self.read():
            pass
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        PRINTED.append(self.shown)
