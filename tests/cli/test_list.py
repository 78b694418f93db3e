import json
import time

from accounts import OLD_SECRET, SECRET, URL
from fakes.server import Reply, as_json, broken_off, instead, page, reset

from presence_receiver.http_client import patience

SHOWN = "only-this-one-is-shown"


def test_a_table_without_a_terminal_cuts_nothing(extremecloudiq):
    long = "https://example.org/" + "p" * 200 + "/presence"
    extremecloudiq.fake.add(long, SECRET, application="[bold]mine\x1b[31m")
    ran = extremecloudiq.run("list", COLUMNS="40", TERM="dumb", FORCE_COLOR="1")
    titles, row = ran.out.splitlines()
    assert titles.split() == ["ID", "APPLICATION", "URL", "MESSAGE", "TYPE", "STATUS", "CREATED", "SECRET"]
    assert row.split() == ["1", "[bold]mine", "[31m", long, "LOCATION_AP_CENTRIC", "ENABLED",
                           "2026-11-22T20:15:00.000+0000", "***"]
    assert "\x1b" not in ran.out


def test_jsonl(account):
    account.fake.add(URL, SHOWN)
    account.fake.add(URL + "?2", None, application=None)
    first, second = [json.loads(line) for line in account.run("list", "--output", "jsonl").out.splitlines()]
    assert [*first] == ["id", "application", "url", "messageType", "status", "created", "secret"]
    assert (first["secret"], second["secret"], second["application"]) == ("***", None, None)


def test_secrets_for_those_who_must(account):
    account.fake.add(URL, SHOWN)
    assert json.loads(account.run("list", "--output", "json", "--show-secrets").out)[0]["secret"] == SHOWN


def test_no_subscriptions(account):
    assert account.run("list").parts == (0, "", "There are no subscriptions.\n")
    assert account.run("list", "--output", "json").parts == (0, "[]\n", "")
    assert account.run("list", "--output", "jsonl").parts == (0, "", "")


def ids(account):
    return [row["id"] for row in json.loads(account.run("list", "--output", "json").out)]


def add_many(account, count):
    for number in range(count):
        account.fake.add(f"{URL}?{number}", OLD_SECRET)


def test_all_pages(account):
    add_many(account, 7)
    account.fake.page_size = 3
    assert ids(account) == [str(number) for number in range(1, 8)]
    assert len(account.fake.seen) == 3


def test_pages_that_are_not_counted(hivemanager):
    add_many(hivemanager, 6)
    hivemanager.fake.page_size, hivemanager.fake.total_known = 3, False
    assert ids(hivemanager) == ["1", "2", "3", "4", "5", "6"]
    assert [dict(seen.query).get("page") for seen in hivemanager.fake.seen] == [None, "1", "2"]


def test_a_server_that_shows_the_same_page_for_ever(hivemanager):
    first = {"data": [{"id": 1, "url": URL}], "pagination": {"totalCount": 5}}
    hivemanager.fake.misbehave("GET", *[instead(as_json(200, first))] * 5)
    assert ids(hivemanager) == ["1"]
    assert len(hivemanager.fake.seen) == 2


def test_an_envelope_with_nothing_but_data(hivemanager):
    add_many(hivemanager, 2)
    hivemanager.fake.bare = True
    assert ids(hivemanager) == ["1", "2"]


def test_an_older_server_answers_an_array(extremecloudiq):
    add_many(extremecloudiq, 2)
    extremecloudiq.fake.old_server = True
    assert ids(extremecloudiq) == ["1", "2"]


def test_get_is_repeated(account):
    add_many(account, 1)
    for fault in (reset, broken_off, instead(page(503)), instead(page(429))):
        account.fake.seen.clear()
        account.fake.misbehave("GET", fault)
        assert ids(account) == ["1"]
        assert len(account.fake.seen) == 2


def test_get_is_not_repeated_for_ever(account):
    account.fake.misbehave("GET", *[instead(page(503))] * 9)
    assert account.run("list").code == 1
    assert len(account.fake.seen) == 4


def test_message_types(hivemanager, extremecloudiq):
    located = "LOCATION_AP_CENTRIC\nLOCATION_CLIENT_CENTRIC\n"
    assert hivemanager.run("message-types").parts == (0, located, "")
    assert hivemanager.run("message-types", HIVEMANAGER_API_VERSION="v1").parts == (0, located, "")
    ran = extremecloudiq.run("message-types")
    assert (ran.code, ran.out.splitlines()[:3]) == (0, [*located.split(), "AUDIT_LOG_ALL"])


def test_the_other_version(hivemanager):
    hivemanager.run("list", HIVEMANAGER_API_VERSION="v1")
    assert hivemanager.fake.calls() == [("GET", "/xapi/v1/configuration/webhooks")]


def test_retry_after_is_honoured_up_to_a_limit(account, monkeypatch):
    assert patience.LONGEST_RETRY_AFTER == 60
    monkeypatch.setattr(patience, "LONGEST_RETRY_AFTER", 1)
    account.fake.misbehave("GET", instead(Reply(429, b"", (("Retry-After", "3600"),))))
    before = time.monotonic()
    assert account.run("list").code == 0
    assert 1 <= time.monotonic() - before < 30
