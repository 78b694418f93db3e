"""Answers of the vendors' APIs that are odd, endless or slow, on real sockets."""
import json
import time
from contextlib import suppress

import pytest
from accounts import URL
from command_line import PRINTED
from fakes.server import Reply, as_json, instead, page, silent

from presence_receiver.subscriptions import extremecloudiq as extremecloudiq_api, hivemanager as hivemanager_api
from presence_receiver.cli.output import as_json as printed

SETTINGS = {"hivemanager": "HIVEMANAGER_URL", "extremecloudiq": "EXTREMECLOUDIQ_URL"}


def arrays_of_pages(account, *sizes):
    """Let the next GETs answer the account's list as the OpenAPI description has it, in pages of these sizes."""
    rest = iter([*account.fake.stored])
    for number, size in enumerate(sizes, start=1):
        rows = [next(rest) for _ in range(size)]
        whole = {"page": number, "count": size, "total_pages": len(sizes), "data": rows}
        account.fake.misbehave("GET", instead(as_json(200, [whole])))


def test_a_list_as_an_array_of_pages(extremecloudiq):
    for number in range(3):
        extremecloudiq.fake.add(f"{URL}/{number}", "secret-of-one")
    arrays_of_pages(extremecloudiq, 2, 1)
    listed = json.loads(extremecloudiq.run("list", "--output", "json").out)
    assert [item["id"] for item in listed] == ["1", "2", "3"]


def test_registering_again_finds_it_in_an_array_of_pages(extremecloudiq):
    assert extremecloudiq.run("register", URL).code == 0
    arrays_of_pages(extremecloudiq, 1)
    assert extremecloudiq.run("register", URL).err == (
        f"Subscription 1 already posts to {URL} with this secret; nothing was created.\n")
    assert len(extremecloudiq.fake.stored) == 1


def test_arrays_that_hold_nothing(extremecloudiq):
    for body in ([], [{"page": 1, "data": []}], [{"page": 1, "data": None}]):
        extremecloudiq.fake.misbehave("GET", instead(as_json(200, body)))
        assert extremecloudiq.run("list").parts == (0, "", "There are no subscriptions.\n")


@pytest.mark.parametrize(["record", "members"], [
    ({"url": URL, "secret": "hidden-value"}, "url, secret"), ({"id": None, "u\x9brl": 1}, "id, u rl"),
    ({}, "no member at all"),
])
def test_a_record_without_an_id(account, record, members):
    account.fake.misbehave("GET", *[instead(as_json(200, {"data": [record]}))] * 2)
    said = (f"Error: {SETTINGS[account.name]} answered with a subscription that has no id, only {members}: "
            "check that it is the API's address.\n")
    assert account.run("list").parts == (1, "", said)
    assert account.run("register", URL).parts == (1, "", said)
    assert account.fake.stored == []


def test_a_list_without_an_end(account, monkeypatch):
    """Each page is new and says there are more; the limit is lowered, so that nobody need ask 1,000 times."""
    vendor = {"hivemanager": hivemanager_api, "extremecloudiq": extremecloudiq_api}[account.name]
    assert vendor.MOST_PAGES == 1_000
    monkeypatch.setattr(vendor, "MOST_PAGES", 5)
    pages = [as_json(200, {"data": [{"id": number, "url": URL}], "total_pages": 10**9,
                           "pagination": {"totalCount": 10**9}}) for number in range(9)]
    account.fake.misbehave("GET", *map(instead, pages))
    ran = account.run("list")
    assert (ran.code, ran.err) == (1, (
        f"Error: {SETTINGS[account.name]} answered with more than 1,000 pages of subscriptions: "
        "check that it is the API's address.\n"))
    assert len(account.fake.calls("GET")) == 5


def flood(handler, act):
    """Sends an answer without an end until the other side has enough."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    with suppress(OSError):
        for _ in range(600):
            handler.wfile.write(bytes(1_000_000))
        handler.server.fake.whole = True


def test_an_answer_that_is_too_large(account):
    account.fake.misbehave("GET", *[flood] * 4)
    assert account.run("list").parts[::2] == (1, (
        f"Error: {SETTINGS[account.name]} does not answer (its answer is larger than 16 MiB): "
        "check the address and your network.\n"))
    assert (len(account.fake.calls()), hasattr(account.fake, "whole")) == (1, False)


def drip(handler, act):
    """Sends a byte of a header again and again, for as long as anybody listens."""
    handler.connection.settimeout(0.05)
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            with suppress(TimeoutError):
                if not handler.connection.recv(1):
                    break
            handler.wfile.write(b"x")
    handler.close_connection = True


@pytest.mark.parametrize("command", [("list",), ("register", URL)])
@pytest.mark.parametrize("fault", [drip, silent])
def test_the_timeout_is_the_whole_calls(account, fault, command):
    account.fake.misbehave("GET", *[fault] * 4)
    start = time.monotonic()
    ran = account.run("--timeout", "1", *command)
    assert time.monotonic() - start < 4
    assert ran.parts == (1, "", (
        f"Error: {SETTINGS[account.name]} does not answer (it took too long): check the address and your network.\n"))


def test_a_lost_post_is_looked_for_after_its_time(account):
    """The list is asked for after a POST that drips: it may have been carried out."""
    account.fake.misbehave("POST", drip)
    ran = account.run("--timeout", "1", "register", URL)
    assert (ran.code, account.fake.stored) == (1, [])
    assert "does not answer (it took too long)" in ran.err


def test_repetitions_are_told(account):
    account.fake.misbehave("GET", instead(page(503)), instead(Reply(429, b"", (("Retry-After", "0"),))))
    ran = account.run("list")
    assert (ran.code, ran.err) == (0, (
        f"{SETTINGS[account.name]}: Answered 503; trying again in 0.0 s.\n"
        f"{SETTINGS[account.name]}: Answered 429; trying again in 0.0 s.\n"
        "There are no subscriptions.\n"))


@pytest.mark.parametrize("when", ["Fri, 31 Dec 9999999999 23:59:59 GMT", "9" * 5_000, "31 Dec 99999 23:59:59", "soon"])
def test_a_time_to_come_again_that_is_none_is_ignored(account, when):
    account.fake.misbehave("GET", instead(Reply(503, b"", (("Retry-After", when),))))
    ran = account.run("list")
    assert (ran.code, ran.err.splitlines()[-1]) == (0, "There are no subscriptions.")


def test_who_is_to_come_again_after_the_timeout_is_not_waited_for(account):
    account.fake.misbehave("GET", instead(Reply(503, b"", (("Retry-After", "50"),))))
    start = time.monotonic()
    ran = account.run("--timeout", "20", "list")
    assert time.monotonic() - start < 15
    assert (ran.code, "failed (503" in ran.err) == (1, True)


FOREIGN = ("The receiver takes LOCATION_AP_CENTRIC and LOCATION_CLIENT_CENTRIC; every delivery of AUDIT_LOG_ALL "
           "would be answered 422 and kept in the rejected file")


def test_a_type_that_the_receiver_does_not_take_needs_yes(account):
    asked = ("register", URL, "--message-type", "AUDIT_LOG_ALL")
    assert account.run(*asked).parts == (1, "", f"Error: {FOREIGN}: give --yes to register it all the same.\n")
    assert account.fake.seen == []
    ran = account.run(*asked, "--yes")
    assert (ran.code, ran.err.splitlines()[0]) == (0, f"Warning: {FOREIGN}.")
    assert account.fake.stored[0]["messageType" if account.name == "hivemanager" else "message_type"] == "AUDIT_LOG_ALL"


def test_what_a_terminal_obeys_is_escaped_in_json(account):
    account.fake.add("https://example.org/\u202egpj\x9b31m", "secret-of-one", application="a\u2028b\U000e0001c é😀")
    for output in ("json", "jsonl"):
        ran = account.run("list", "--output", output)
        assert ran.out.removesuffix("\n").isprintable() and "é😀" in ran.out
        read = json.loads(ran.out)
        [item] = read if output == "json" else [read]
        assert (item["url"], item["application"]) == (
            "https://example.org/\u202egpj\x9b31m", "a\u2028b\U000e0001c é😀")


def test_json_in_one_line_is_the_same_json():
    value = {"".join(map(chr, range(0xd800))): [1, None, "\U0001f600\u200b"]}
    PRINTED.append(printed(value))
    assert json.loads(printed(value)) == value and printed(value).isprintable()


@pytest.mark.parametrize(["mode", "is_told"], [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_an_env_file_that_others_can_read(account, tmp_path, mode, is_told):
    path = tmp_path / "env"
    path.write_text("HIVEMANAGER_API_VERSION=beta\n")
    path.chmod(mode)
    warning = f"Warning: {path} can be read by others than you: chmod 600 {path}\n" if is_told else ""
    assert account.run("--env-file", str(path), "list").err == f"{warning}There are no subscriptions.\n"
