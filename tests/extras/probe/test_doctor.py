import re
import time

import pytest
from fakes.extremecloudiq import ExtremeCloudIQFake
from fakes.receiver import ReceiverFake
from fakes.server import Reply, as_json, instead, page

from certificates import DAY, NOW, Certificate, context
from deployment import SECRET, run
from presence_receiver.extras.probe import doctor

TOKEN = "access-token-Jd8s"
GOOD = ["✓ Secret", "✓ URL", "✓ Name", "✓ Certificate", "✓ GET /", "✓ Without a secret", "✓ With a wrong secret",
        "✓ With PRESENCE_SECRET", "✓ Answer time", "✓ Retention", "✓ Subscription"]
ROOT = Certificate("Root", is_authority=True)
MIDDLE = Certificate("Middle", ROOT, is_authority=True)
LEAF = Certificate("localhost", MIDDLE)


class ReceiverBehindTLS(ReceiverFake):
    """Answers as a receiver does, behind TLS."""

    def __init__(self, tls):
        super().__init__(SECRET)
        self.ok = as_json(200, {"accepted": 0, "rejected": 0})
        self.seconds = 0
        self.server.handle_error = self.remember
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_port}/presence"

    def remember(self, *_):
        """A handshake that fails is no fault of this server's."""
        self.is_refused = True

    def answer(self, seen):
        if (seen.method, seen.path) == ("POST", "/"):
            return as_json(405, {"error": "The method is not allowed."})
        if seen.path == "/":
            return as_json(200, {"service": "presence-receiver"})
        if seen.path != "/presence":
            return as_json(404, {"error": "There is nothing at this path."})
        time.sleep(self.seconds)
        return super().answer(seen)


class Case:
    """A receiver and the account that should post to it."""

    def __init__(self, receiver, account, folder):
        self.receiver, self.account = receiver, account
        self.env = {"PRESENCE_API": "extremecloudiq", "EXTREMECLOUDIQ_URL": account.url,
                    "EXTREMECLOUDIQ_ACCESS_TOKEN": TOKEN, "REQUESTS_CA_BUNDLE": str(folder / "root.pem"),
                    "PRESENCE_KEEP_DAYS": "30"}

    def examined(self, url=None, **env):
        ran = run("doctor", url or self.receiver.url, **{**self.env, **env})
        faults = [line for line in ran.out.splitlines() if line.startswith("✗")]
        said = f"Error: {len(faults)} thing{'s' if len(faults) > 1 else ''} to fix.\n" if faults else ""
        assert (ran.code, ran.err) == (bool(faults), said)
        return ran.out.splitlines()


@pytest.fixture
def set_up(tmp_path, request):
    (tmp_path / "root.pem").write_bytes(ROOT.pem)
    leaf, *chain = getattr(request, "param", (LEAF, MIDDLE))
    with ReceiverBehindTLS(context(tmp_path, leaf, *chain)) as receiver, ExtremeCloudIQFake(TOKEN) as account:
        account.add(receiver.url, SECRET)
        yield Case(receiver, account, tmp_path)


def with_faults(**faults):
    """The checklist where only these lines are not as they should be."""
    return [f"✗ {line[2:]}: {faults[line[2:]]}" if line[2:] in faults else line for line in GOOD]


def test_all_is_well(set_up):
    assert set_up.examined() == GOOD
    assert [(seen.method, seen.body) for seen in set_up.receiver.seen] == [("GET", b""), *[("POST", b"[]")] * 3]
    assert "Authorization" not in set_up.receiver.seen[1].headers


CERTIFICATES = {
    "self-signed": ((Certificate("localhost"),),
                    "It is self-signed: get one from a public authority, such as Let's Encrypt."),
    "missing intermediate": ((LEAF,), "Its chain is incomplete, or its authority is not public: serve the "
                                      "intermediate certificates too (fullchain.pem)."),
    "expired": ((Certificate("localhost", MIDDLE, until=NOW - DAY), MIDDLE), "It has expired: renew it."),
}


@pytest.mark.parametrize("set_up, fault", CERTIFICATES.values(), indirect=["set_up"], ids=[*CERTIFICATES])
def test_broken_certificates(set_up, fault):
    assert set_up.examined() == [*GOOD[:3], f"✗ Certificate: {fault}", *GOOD[-2:]]


def test_an_authority_that_is_not_public(set_up, monkeypatch):
    monkeypatch.setattr(doctor, "CERTIFICATES", {})
    lines = set_up.examined(REQUESTS_CA_BUNDLE="")
    assert lines[3] == "✗ Certificate: It is not trusted (unable to get local issuer certificate)."


def test_a_wrong_secret(set_up):
    assert set_up.examined(PRESENCE_SECRET="another-secret") == with_faults(**{
        "With PRESENCE_SECRET": "It answered 401: give PRESENCE_SECRET, or --secret-file, the value that the receiver "
                                "has.",
        "Subscription": f"1 has another secret: run `presence-cli register --replace {set_up.receiver.url}`."})


def test_no_subscription(set_up):
    set_up.account.stored.clear()
    assert set_up.examined() == with_faults(
        Subscription=f"None posts to {set_up.receiver.url}: run `presence-cli register {set_up.receiver.url}`.")


def test_a_disabled_subscription(set_up):
    set_up.account.stored[0]["status"] = "DISABLED"
    assert set_up.examined() == with_faults(
        Subscription=f"1 is disabled: run `presence-cli register --replace {set_up.receiver.url}`.")


def test_plain_http(set_up):
    url = "http://example.org/presence"
    assert set_up.examined(url) == [
        "✓ Secret", "✗ URL: It does not start with https://: put the receiver behind a proxy or platform that does "
        "TLS.", "✓ Retention", f"✗ Subscription: None posts to {url}: run `presence-cli register {url}`."]


def test_a_redirect(set_up):
    elsewhere = Reply(301, b"", (("Location", "https://www.example.org/presence"),))
    set_up.receiver.misbehave("POST", *[instead(elsewhere)] * 3)
    fault = "/presence redirects to www.example.org, where HiveManager does not follow: use the final URL."
    assert set_up.examined() == with_faults(**{
        "Without a secret": fault, "With a wrong secret": fault, "With PRESENCE_SECRET": fault})


@pytest.mark.parametrize(["path", "status"], [("/webhook", 404), ("/", 405), ("", 405)])
def test_another_path(set_up, path, status):
    url = set_up.receiver.url.replace("/presence", path)
    set_up.account.stored[0]["url"] = url
    assert set_up.examined(url) == [
        *GOOD[:5], f"✗ Path: {path or '/'} answered {status}: check the URL; a receiver takes deliveries at /presence.",
        *GOOD[-2:]]


def test_a_slow_answer(set_up, monkeypatch):
    monkeypatch.setattr(doctor, "SLOW", 0.1)
    set_up.receiver.seconds = 0.2
    [line] = [line for line in set_up.examined() if line.startswith("✗")]
    assert re.sub(r"\d\.\d", "0.2", line) == (
        "✗ Answer time: It took 0.2 s to answer: look at the receiver's disk and at what stands in front of it."
    )


def test_a_receiver_that_lets_everybody_in(set_up):
    set_up.receiver.misbehave("POST", *[instead(set_up.receiver.ok)] * 3)
    fault = "It answered 200, so anybody may post: check that the receiver itself answers there."
    assert set_up.examined() == with_faults(**{"Without a secret": fault, "With a wrong secret": fault})


def test_a_gateway_that_fails_lets_nobody_in(set_up):
    set_up.receiver.misbehave("POST", *[instead(page(502))] * 3)
    fault = "It answered 502, not {}: see the receiver's log."
    assert set_up.examined() == with_faults(**{
        "Without a secret": fault.format(401), "With a wrong secret": fault.format(401),
        "With PRESENCE_SECRET": fault.format(200)})


@pytest.mark.parametrize("host", ["a" * 64 + ".example", ".example.org"])
def test_a_name_that_is_none(set_up, host):
    assert set_up.examined(f"https://{host}/presence")[2].startswith(f"✗ Name: DNS does not know {host}: check the URL")


def test_a_name_that_nobody_knows(set_up):
    lines = set_up.examined("https://nobody.invalid/presence")
    assert lines[2] == ("✗ Name: DNS does not know nobody.invalid: check the URL, or wait until the record is "
                        "known.")


def test_lengths(set_up):
    assert set_up.examined(PRESENCE_SECRET="x" * 33)[0] == (
        "✗ Secret: PRESENCE_SECRET has 33 characters and HiveManager takes 5 to 32: make one with "
        "`presence-cli new-secret`.")


def test_without_credentials_the_subscription_is_left_out(set_up):
    assert set_up.examined(EXTREMECLOUDIQ_ACCESS_TOKEN="")[-1] == (
        "– Subscription: not looked at: EXTREMECLOUDIQ_ACCESS_TOKEN is not set: put it into the environment, or "
        "into a file for --env-file; `presence-cli init` writes one.")


def test_files_that_are_kept_for_ever_are_remarked_on_and_no_fault(set_up):
    assert set_up.examined(PRESENCE_KEEP_DAYS="")[-2] == (
        "– Retention: no PRESENCE_KEEP_… is set here. Where the receiver has none either, it keeps personal data for "
        "ever: set PRESENCE_KEEP_DAYS.")


def test_nobody_there(set_up):
    set_up.receiver.server.shutdown()  # who polls a socket keeps it open, and answers with RST later
    set_up.receiver.server.server_close()
    assert set_up.examined()[3] == (
        "✗ Certificate: No TLS connection comes about: check that the receiver runs and that this port does TLS.")
