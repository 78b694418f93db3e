"""An account with each vendor: settings for the command line and a fake of the API behind; fixtures for all tests."""
import json
from urllib.parse import quote

import pytest
from command_line import PRINTED, run
from fakes.extremecloudiq import ExtremeCloudIQFake
from fakes.hivemanager import HiveManagerFake

from presence_receiver.http_client import patience
from presence_receiver.subscriptions import registration

ACCESS_TOKEN = "access-token-Zk3q"
CLIENT_SECRET = "client-secret-Vw8/=="
CLIENT_ID = "client-id-Tr5p"
SECRET = "feed+secret/Qm7x=="
OLD_SECRET = "old\"secret-Lf2n"
WRONG_TOKEN = "wrong-token-Hb9d"
SECRETS = (WRONG_TOKEN, ACCESS_TOKEN, CLIENT_SECRET, CLIENT_ID, SECRET, OLD_SECRET)
URL = "https://example.org/presence"


@pytest.fixture(scope="session", autouse=True)
def nothing_leaked():
    """After all tests: no secret is in anything that any run of the CLI printed."""
    yield
    forms = {form for it in SECRETS for form in (it, json.dumps(it)[1:-1], quote(it, safe=""))}
    assert [(form, text) for text in PRINTED for form in forms if form in text] == []


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(patience, "BACK_OFF", 0)
    monkeypatch.setattr(registration, "PAUSES", (0, 0, 0))


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
