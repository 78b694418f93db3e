"""The minimal core: with the package's extras out of reach, the receiver receives and subscriptions are managed."""
import json
import subprocess
import sys
import textwrap

import pytest
from fakes.hivemanager import HiveManagerFake

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == "presence_receiver.extras" or name.startswith("presence_receiver.extras."):
            raise ModuleNotFoundError(f"{name} is out of reach")

sys.meta_path.insert(0, Blocked())
"""


def run(code, *args, **environment):
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + textwrap.dedent(code), *args], capture_output=True, text=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", **environment})


def test_all_of_the_core_can_be_imported():
    ran = run("""
        import importlib, pathlib, presence_receiver
        folder = pathlib.Path(presence_receiver.__file__).parent
        names = [".".join(path.relative_to(folder).with_suffix("").parts) for path in folder.rglob("*.py")]
        for name in sorted(names):
            if not name.startswith("extras") and not name.endswith("__"):
                importlib.import_module(f"presence_receiver.{name}")
                print(name)
    """)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert {"app", "server.config", "storage.writer", "cli.register"} <= set(ran.stdout.split())


def test_a_delivery_is_stored_and_the_receiver_is_ready(tmp_path):
    ran = run("""
        import sys, presence_receiver
        app = presence_receiver.create_app({"PRESENCE_SECRET": sys.argv[2], "PRESENCE_DATA_DIR": sys.argv[1]})
        body = '{"apMac": "C413E2008040", "observations": [{"clientMac": "5CB901642E60", "seenEpoch": 1}]}'
        browser = app.test_client()
        print(browser.post("/presence", data=body, headers={"Authorization": sys.argv[2]}).status_code)
        print(browser.get("/readyz").status_code)
    """, str(tmp_path), "correct horse battery")
    assert (ran.stdout.split(), ran.stderr) == (["200", "200"], "")
    (line,) = (tmp_path / "presence.jsonl").read_text().splitlines()
    assert json.loads(line)["clientMac"] == "5CB901642E60"


HEADERS = {
    "Authorization": "Bearer token", "X-AH-API-CLIENT-ID": "id", "X-AH-API-CLIENT-SECRET": "hidden",
    "X-AH-API-CLIENT-REDIRECT-URI": "https://example.org",
}


@pytest.fixture
def account():
    with HiveManagerFake(HEADERS) as fake:
        yield fake


def command(account, *args):
    ran = run(
        "from presence_receiver.cli.main import main; main()", *args, PRESENCE_SECRET="correct horse battery",
        HIVEMANAGER_URL=account.url, HIVEMANAGER_OWNER_ID="1490", HIVEMANAGER_ACCESS_TOKEN="token",
        HIVEMANAGER_CLIENT_ID="id", HIVEMANAGER_CLIENT_SECRET="hidden", HIVEMANAGER_REDIRECT_URI="https://example.org",
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_subscriptions_are_registered_listed_and_deleted(account):
    url = "https://example.org/presence"
    command(account, "register", url)
    assert url in command(account, "list")
    command(account, "delete", "--yes", "--url", url)
    assert url not in command(account, "list")


def test_help_loads_no_library_that_a_command_needs():
    ran = run("""
        import sys
        from presence_receiver.cli.main import cli
        try:
            cli(prog_name="presence-cli")
        finally:
            print({"requests", "flask", "marshmallow"} & sys.modules.keys(), file=sys.stderr)
    """, "--help")
    assert ran.stdout.startswith("Usage: presence-cli") and ran.stderr == "set()\n"
