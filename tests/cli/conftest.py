import json
import os
import pty
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from fakes.extremecloudiq import ExtremeCloudIQFake
from fakes.hivemanager import HiveManagerFake
from fakes.receiver import ReceiverFake

from presence_receiver.cli.main import cli
from presence_receiver.http_client import calls
from presence_receiver.subscriptions import registration

ACCESS_TOKEN = "access-token-Zk3q"
CLIENT_SECRET = "client-secret-Vw8/=="
CLIENT_ID = "client-id-Tr5p"
SECRET = "feed+secret/Qm7x=="
OLD_SECRET = "old\"secret-Lf2n"
WRONG_TOKEN = "wrong-token-Hb9d"
SECRETS = (WRONG_TOKEN, ACCESS_TOKEN, CLIENT_SECRET, CLIENT_ID, SECRET, OLD_SECRET)
URL = "https://example.org/presence"
PRINTED = []


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def parts(self):
        return self.code, self.out, self.err


@pytest.fixture(scope="session", autouse=True)
def nothing_leaked():
    """After all tests: no secret is in anything that any run of the CLI printed."""
    yield
    forms = {form for it in SECRETS for form in (it, json.dumps(it)[1:-1], quote(it, safe=""))}
    assert [(form, text) for text in PRINTED for form in forms if form in text] == []


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    ours = ("PRESENCE_", "HIVEMANAGER_", "EXTREMECLOUDIQ_", "NETRC", "NO_COLOR", "FORCE_COLOR")
    for name in [*os.environ]:
        if name.startswith(ours) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(calls, "BACK_OFF", 0)
    monkeypatch.setattr(registration, "PAUSES", (0, 0, 0))


def run(*args, env=None, stdin=None):
    """Runs the command line in this process; remembers what it printed."""
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


class Account:
    """A vendor's fake with the settings that lead to it."""

    def __init__(self, name, fake, env):
        self.name, self.fake = name, fake
        self.status = "null" if name == "hivemanager" else '"ENABLED"'
        self.created = "2016-12-01T10:00:00.000Z" if name == "hivemanager" else "2026-11-22T20:15:00.000+0000"
        self.env = {"PRESENCE_API": name, "PRESENCE_SECRET": SECRET, **env}

    def run(self, *args, stdin=None, **more):
        return run(*args, env={**self.env, **more}, stdin=stdin)


@pytest.fixture
def hivemanager(no_pauses):
    headers = {"X-AH-API-CLIENT-SECRET": CLIENT_SECRET, "X-AH-API-CLIENT-ID": CLIENT_ID,
               "X-AH-API-CLIENT-REDIRECT-URI": "https://example.org",
               "Authorization": f"Bearer {ACCESS_TOKEN}"}
    with HiveManagerFake(headers) as fake:
        yield Account("hivemanager", fake, {
            "HIVEMANAGER_URL": fake.url, "HIVEMANAGER_CLIENT_ID": CLIENT_ID,
            "HIVEMANAGER_CLIENT_SECRET": CLIENT_SECRET, "HIVEMANAGER_REDIRECT_URI": "https://example.org",
            "HIVEMANAGER_ACCESS_TOKEN": ACCESS_TOKEN, "HIVEMANAGER_OWNER_ID": "1490"})


@pytest.fixture
def extremecloudiq(no_pauses):
    with ExtremeCloudIQFake(ACCESS_TOKEN) as fake:
        yield Account("extremecloudiq", fake, {"EXTREMECLOUDIQ_URL": fake.url,
                                               "EXTREMECLOUDIQ_ACCESS_TOKEN": ACCESS_TOKEN})


@pytest.fixture(params=["hivemanager", "extremecloudiq"])
def account(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def receiver():
    with ReceiverFake(SECRET) as fake:
        yield fake
