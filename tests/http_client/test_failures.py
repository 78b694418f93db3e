import json
import socket

import pytest
import requests
from accounts import ACCESS_TOKEN, SECRET, URL, WRONG_TOKEN
from command_line import run
from fakes.server import Fake, Reply, as_json, instead, page, silent, truncated

from presence_receiver.http_client.patience import within

NAMES = {"hivemanager": ("HIVEMANAGER_URL", "HIVEMANAGER_ACCESS_TOKEN", "HiveManager"),
         "extremecloudiq": ("EXTREMECLOUDIQ_URL", "EXTREMECLOUDIQ_ACCESS_TOKEN", "ExtremeCloud IQ")}


class Elsewhere(Fake):
    def answer(self, seen):
        return as_json(200, [])


@pytest.mark.parametrize("seconds", [0, -0.01])
def test_where_no_time_is_left_nothing_is_sent(seconds):
    with pytest.raises(requests.Timeout):
        within(seconds, lambda: pytest.fail("It was sent."))


def test_missing_settings_are_named_at_once():
    assert run("list").parts == (1, "", (
        "Error: HIVEMANAGER_URL, HIVEMANAGER_CLIENT_SECRET, HIVEMANAGER_CLIENT_ID, HIVEMANAGER_REDIRECT_URI, "
        "HIVEMANAGER_ACCESS_TOKEN, HIVEMANAGER_OWNER_ID are not set: put them into the environment, "
        "or into a file for --env-file; `presence-cli init` writes one.\n"))
    assert run("--api", "extremecloudiq", "list").parts == (1, "", (
        "Error: EXTREMECLOUDIQ_ACCESS_TOKEN is not set: put it into the environment, "
        "or into a file for --env-file; `presence-cli init` writes one.\n"))


def test_malformed_settings_are_named_at_once(hivemanager):
    hivemanager.env.update(
        HIVEMANAGER_URL="http://example.org", HIVEMANAGER_OWNER_ID="-1", HIVEMANAGER_API_VERSION="v2",
        HIVEMANAGER_CLIENT_ID="", HIVEMANAGER_ACCESS_TOKEN=f"{ACCESS_TOKEN}\nX: y")
    assert hivemanager.run("list").parts == (1, "", (
        "Error: HIVEMANAGER_CLIENT_ID is not set: put it into the environment, "
        "or into a file for --env-file; `presence-cli init` writes one. "
        "HIVEMANAGER_URL must start with https://, since credentials are sent there. "
        "HIVEMANAGER_API_VERSION must be beta or v1. "
        "HIVEMANAGER_ACCESS_TOKEN has a character that an HTTP header cannot carry. "
        "HIVEMANAGER_OWNER_ID must be a whole number.\n"))


@pytest.mark.parametrize(["url", "fault"], [
    ("cloud-va.aerohive.com", "must be a whole URL that starts with https://"),
    ("ftp://example.org", "must be a whole URL that starts with https://"),
    ("https://me:pw@example.org", "must not hold a user or a password"),
    ("https://[::1", "is not a URL"),
    ("http://127.0.0.1.example.org", "must start with https://, since credentials are sent there"),
])
def test_addresses_that_get_no_credentials(hivemanager, url, fault):
    assert hivemanager.run("list", HIVEMANAGER_URL=url).parts == (
        1, "", f"Error: HIVEMANAGER_URL {fault}.\n")


def test_an_unknown_api():
    assert run("list", env={"PRESENCE_API": "meraki"}).parts == (
        1, "", "Error: PRESENCE_API must be hivemanager or extremecloudiq.\n")
    assert run("--api", "meraki", "list").code == 2


def test_a_wrong_token(account):
    url, token, _ = NAMES[account.name]
    ran = account.run("list", **{token: WRONG_TOKEN})
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith(f"Error: {token} was refused (401; ")
    assert "Token Bearer *** is invalid): make a new one under Global Settings, " in ran.err


def test_the_apis_own_words_and_its_validation_errors(hivemanager, extremecloudiq):
    arguments = ("register", URL, "--application", "longer than twenty characters")
    assert hivemanager.run(*arguments).parts == (1, "", (
        "Error: HiveManager refused the call (400; core.service.invalid Validation failed; "
        "application: is too long, has 30 characters; secret: is weak): correct what it names.\n"))
    assert extremecloudiq.run(*arguments).parts == (1, "", (
        "Error: ExtremeCloud IQ refused the call (400; INVALID_ARGUMENT application is too long): "
        "correct what it names.\n"))


def test_a_bad_token_may_look_like_a_wrong_path(hivemanager):
    hivemanager.fake.misbehave("GET", instead(Reply(404)))
    assert hivemanager.run("list").parts == (1, "", (
        "Error: HiveManager does not find it (404, with no body): check HIVEMANAGER_OWNER_ID, "
        "HIVEMANAGER_API_VERSION and HIVEMANAGER_ACCESS_TOKEN.\n"))


@pytest.mark.parametrize(["reply", "said"], [
    (page(200), "{url} answered 200 with an HTML page: check that it is the API's address."),
    (page(400), "{vendor} refused the call (400, with an HTML page): correct what it names."),
    (page(500), "{vendor} failed (500, with an HTML page): try again later."),
    (Reply(200, b"{}x"),
     "{url} answered 200 with something that is not JSON: check that it is the API's address."),
    (Reply(200, b"[" * 100_000),
     "{url} answered 200 with something that is not JSON: check that it is the API's address."),
    (Reply(200, b"1" * 5_000),
     "{url} answered 200 with something that is not JSON: check that it is the API's address."),
    (as_json(200, {"data": [1]}),
     "{url} answered with something that is no list of subscriptions: check that it is the API's address."),
    (as_json(200, {"data": {"id": 1}}),
     "{url} answered with something that is no list of subscriptions: check that it is the API's address."),
])
def test_answers_that_make_no_sense(account, reply, said):
    url, _, vendor = NAMES[account.name]
    account.fake.misbehave("GET", *[instead(reply)] * 5)
    assert account.run("list").parts == (1, "", f"Error: {said.format(url=url, vendor=vendor)}\n")


def test_a_truncated_json(account):
    account.fake.misbehave("GET", truncated)
    assert account.run("list").err == (
        f"Error: {NAMES[account.name][0]} answered 200 with something that is not JSON: "
        "check that it is the API's address.\n")


def test_an_empty_body(account):
    account.fake.misbehave("GET", instead(Reply(200)))
    assert account.run("list").code == 1


@pytest.mark.parametrize(["error", "said"], [
    ({"code": "a.b", "message": "No\n\x1b[31mway"}, "; a.b No [31mway"),
    ({"rawMessage": f"for {SECRET}"}, "; for ***"),
    ("just words", "; just words"),
])
def test_an_error_inside_a_200(hivemanager, error, said):
    hivemanager.fake.misbehave("GET", instead(as_json(200, {"error": error})))
    assert hivemanager.run("--verbose", "list", PRESENCE_SECRET=SECRET).code == 1
    hivemanager.fake.misbehave("POST", instead(as_json(200, {"error": error})))
    assert hivemanager.run("register", URL).parts == (
        1, "", f"Error: HiveManager refused the call (200{said}): correct what it names.\n")


def test_nobody_there(account):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = NAMES[account.name][0]
    assert account.run("list", **{url: f"http://127.0.0.1:{port}"}).parts == (
        1, "", f"Error: {url} does not answer (it cannot be reached): check the address and your network.\n")


def test_nobody_answers(account):
    account.fake.misbehave("GET", *[silent] * 4)
    assert account.run("--timeout", "0.2", "list").parts == (1, "", (
        f"Error: {NAMES[account.name][0]} does not answer (it took too long): "
        "check the address and your network.\n"))


def test_no_redirect_is_followed(account):
    with Elsewhere() as elsewhere:
        away = Reply(302, b"", (("Location", f"{elsewhere.url}/login?token={ACCESS_TOKEN}"),))
        account.fake.misbehave("GET", instead(away))
        assert account.run("list").parts == (1, "", (
            f"Error: {NAMES[account.name][0]} answered 302 and points to {elsewhere.url[7:]}: "
            "nothing was sent there. Put the API's own address into the setting.\n"))
        assert elsewhere.seen == []


def test_what_cannot_even_be_sent(account):
    url = NAMES[account.name][0]
    for settings, said in [
        ({url: "https://a..b"}, "its host name is malformed"),
        ({url: "https://127.0.0.1:1", "REQUESTS_CA_BUNDLE": "/none"},
         "the certificates that REQUESTS_CA_BUNDLE names cannot be read"),
        ({url: account.fake.url.replace("http", "https")},
         "its TLS certificate is not trusted, or it speaks no TLS"),
        ({url: "https://name.invalid"}, "its name is unknown"),
        ({"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"},
         "the proxy named in the environment fails"),
    ]:
        assert account.run("list", **settings).parts == (
            1, "", f"Error: {url} does not answer ({said}): check the address and your network.\n")


def test_a_redirect_to_nowhere(account):
    for location, said in (("http://[", "what is no URL"), ("/login", "another path"), ("", "another path")):
        account.fake.misbehave("GET", instead(Reply(302, b"", (("Location", location),))))
        assert account.run("list").parts == (1, "", (
            f"Error: {NAMES[account.name][0]} answered 302 and points to {said}: "
            "nothing was sent there. Put the API's own address into the setting.\n"))


@pytest.mark.parametrize("item", [{"id": 1}, {"id": [1], "url": None, "secret": 12345, "application": {"a": 1}}])
def test_records_of_any_shape(account, item):
    body = {"data": [item], "total_pages": "1", "pagination": {"totalCount": "1"}}
    for output in ("table", "json"):
        account.fake.misbehave("GET", instead(as_json(200, body)))
        ran = account.run("list", "--output", output)
        assert (ran.code, ran.err, "12345" in ran.out) == (0, "", False)


def test_netrc_is_not_used(account, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password somebody-elses\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert account.run("list").code == 0
    assert account.fake.seen[0].headers["Authorization"] == f"Bearer {ACCESS_TOKEN}"


def test_verbose_masks(account):
    account.fake.add(URL + "?other", f"not {SECRET} but another")
    ran = account.run("--verbose", "register", URL)
    assert (ran.code, ran.out) == (0, "")
    lines = ran.err.splitlines()
    assert lines[-1] == f"Created subscription 2, which posts to {URL}."
    assert "> Authorization: Bearer ***" in lines
    assert "but another" not in ran.err
    posted = json.loads(next(line for line in lines if line.startswith(("> {", "> [")))[2:])
    assert (posted if account.name == "hivemanager" else posted[0])["secret"] == "***"
    assert [line[:5] for line in lines if line.startswith("< ") and line[2].isdigit()][0] == "< 200"


def test_verbose_masks_what_is_cut_off(account):
    account.fake.misbehave("GET", truncated)
    assert "half" not in account.run("--verbose", "list").err


def test_credentials_are_no_arguments(account):
    for option in ("--secret", "--token", "--access-token", "--client-secret", "--password"):
        assert account.run("register", URL, option, "x").code == 2
        assert account.run(option, "x", "list").code == 2
