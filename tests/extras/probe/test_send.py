import gzip
import socket

import pytest
from accounts import OLD_SECRET, SECRET
from command_line import run
from fakes.receiver import ReceiverFake
from fakes.server import Reply, as_json, instead, page, reset

ENV = {"PRESENCE_SECRET": SECRET}


@pytest.fixture
def receiver():
    with ReceiverFake(SECRET) as fake:
        yield fake


def test_as_hivemanager_sends_it(receiver, tmp_path):
    url = receiver.url + "/presence"
    assert run("send", url, env=ENV).parts == (0, '{"accepted": 27, "rejected": 0}\n', "")
    [seen] = receiver.seen
    assert (seen.method, seen.path) == ("POST", "/presence")
    charsets = seen.headers.pop("Accept-Charset")
    assert 1500 <= len(charsets) <= 3000 and charsets.startswith("big5, big5-hkscs, ")
    assert seen.headers == {
        "Accept": "text/plain, application/json, application/*+json, */*", "Authorization": f"Basic {SECRET}",
        "Cache-Control": "no-cache", "Connection": "keep-alive", "Content-Length": str(len(seen.body)),
        "Content-Type": "application/json", "Host": receiver.url[7:], "Pragma": "no-cache",
        "User-Agent": "Java/1.7.0_80"}


def test_the_sample_is_the_one_of_the_tests(receiver, request):
    import json
    sample = request.config.rootpath / "tests" / "samples" / "array_of_reports.json"
    run("send", receiver.url, env=ENV)
    assert receiver.seen[0].json == json.loads(sample.read_bytes())
    assert b"\n" not in receiver.seen[0].body


def test_a_file_and_stdin_and_gzip(receiver, tmp_path):
    (tmp_path / "body").write_bytes(b"\x00any\xff")
    run("send", receiver.url, str(tmp_path / "body"), env=ENV)
    run("send", receiver.url, "-", env=ENV, stdin="from stdin")
    run("send", receiver.url, str(tmp_path / "body"), "--gzip", env=ENV)
    first, second, third = receiver.seen
    assert (first.body, second.body) == (b"\x00any\xff", b"from stdin")
    assert gzip.decompress(third.body) == b"\x00any\xff"
    assert (third.headers["Content-Encoding"], "Content-Encoding" in first.headers) == ("gzip", False)


def test_a_wrong_secret(receiver):
    assert run("send", receiver.url, env={"PRESENCE_SECRET": OLD_SECRET}).parts == (
        1, '{"error": "The secret is missing or wrong."}\n',
        f"Error: {receiver.url} answered 401: give PRESENCE_SECRET, or --secret-file, the value that the receiver "
        "has.\n")


@pytest.mark.parametrize("status", [404, 405])
def test_a_wrong_path(receiver, status):
    receiver.misbehave("POST", instead(as_json(status, {"error": "There is nothing at this path."})))
    assert run("send", receiver.url, env=ENV).parts == (
        1, '{"error": "There is nothing at this path."}\n',
        f"Error: {receiver.url} answered {status}: check the URL; a receiver takes deliveries at /presence.\n")


def test_whatever_is_not_200_is_a_failure(receiver):
    for reply, out, said in [
        (page(502), "", " 502 with an HTML page."),
        (Reply(204), "", " 204 with no body."),
        (Reply(302, b"", (("Location", "https://example.org"),)), "", " 302 with no body."),
        (as_json(422, {"error": f"No {SECRET}."}), '{"error": "No ***."}\n', " 422: No ***."),
    ]:
        receiver.misbehave("POST", instead(reply))
        assert run("send", receiver.url, env=ENV).parts == (
            1, out, f"Error: {receiver.url} answered{said}\n")


def test_nothing_is_sent_twice(receiver):
    receiver.misbehave("POST", reset)
    assert run("send", receiver.url, env=ENV).parts == (1, "", (
        f"Error: {receiver.url} does not answer (the connection broke off): "
        "check the URL and that the receiver runs.\n"))
    assert len(receiver.seen) == 1


def test_nobody_there(no_pauses):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert run("send", f"http://127.0.0.1:{port}/presence", env=ENV).parts == (1, "", (
        f"Error: http://127.0.0.1:{port}/presence does not answer (it cannot be reached): "
        "check the URL and that the receiver runs.\n"))


def test_http_leaves_this_machine_only_where_one_insists():
    ran = run("send", "http://example.org/presence", env=ENV)
    assert (ran.code, ran.err.splitlines()[-1]) == (2, (
        "Error: Invalid value for URL: must start with https://, since http:// can be read on the way; "
        "--insecure-http allows it."))


def test_netrc_is_not_used(receiver, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password somebody-elses\n")
    assert run("send", receiver.url, env=ENV).code == 0


def test_verbose_shows_what_is_sent_and_nothing_else(receiver, tmp_path):
    (tmp_path / "body").write_bytes(b"[]")
    ran = run("--verbose", "send", receiver.url, str(tmp_path / "body"), "--gzip", env=ENV)
    [seen] = receiver.seen
    assert sorted(ran.err.splitlines()) == sorted([
        f"> POST {receiver.url}/", "> Accept: text/plain, application/json, application/*+json, */*",
        "> Accept-Charset: big5, … x-windows-iso2022jp (170 in all)", "> Cache-Control: no-cache",
        "> Connection: keep-alive", "> Content-Type: application/json", "> Pragma: no-cache",
        "> User-Agent: Java/1.7.0_80", "> Content-Encoding: gzip", f"> Content-Length: {len(seen.body)}",
        "> Authorization: Basic ***", f"> ({len(seen.body)} bytes of gzip)",
        "< 200 OK", "< Content-Type: application/json", f"< Content-Length: {len(receiver.ok.body)}",
        f"< {receiver.ok.body.decode()}"])


def test_verbose_shows_no_secret(receiver):
    ran = run("--verbose", "send", receiver.url, env=ENV)
    assert "> Authorization: Basic ***" in ran.err.splitlines()
