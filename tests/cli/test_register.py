import pytest
from accounts import CLIENT_ID, OLD_SECRET, SECRET, URL
from fakes.server import broken_off, done_but, instead, lost, page, reset, well

from presence_receiver.subscriptions import registration
from presence_receiver.subscriptions.subscription import Subscription

HERE = f"Subscription 1 already posts to {URL} with this secret; nothing was created.\n"


def stored(account):
    return [(item["id"], item["url"], item["secret"]) for item in account.fake.stored]


def hidden_for(account, lists):
    """Does it, but the next so many lists do not show it."""
    def fault(handler, act):
        reply = act()
        account.fake.hidden_for = lists
        handler.reply(reply)
    return fault


def test_the_same_secret_at_another_url_is_another_subscription(account):
    account.fake.add(URL[:-1], SECRET)
    assert account.run("register", URL).parts == (0, "", f"Created subscription 2, which posts to {URL}.\n")


def test_a_life(account):
    assert account.run("register", URL).parts == (0, "", f"Created subscription 1, which posts to {URL}.\n")
    assert account.run("register", URL).parts == (0, "", HERE)
    assert stored(account) == [(1, URL, SECRET)]
    assert account.run("list", "--output", "json").parts == (0, (
        f'[{{"id": "1", "application": "presence-receiver", "url": "{URL}", '
        f'"messageType": "LOCATION_AP_CENTRIC", "status": {account.status}, '
        f'"created": "{account.created}", "secret": "***"}}]\n'), "")
    assert account.run("register", URL, PRESENCE_SECRET=OLD_SECRET).parts == (1, "", (
        f"Error: Subscription 1 posts to {URL} already and has another secret: "
        "give --replace to create a new one and then delete it.\n"))
    assert account.run("register", URL, "--replace", PRESENCE_SECRET=OLD_SECRET).parts == (0, "", (
        f"Created subscription 2, which posts to {URL}.\nDeleted subscription 1.\n"))
    assert stored(account) == [(2, URL, OLD_SECRET)]
    ran = account.run("delete", "2", "--yes")
    assert (ran.code, ran.out, ran.err.splitlines()[-1]) == (0, "", "Deleted subscription 2.")
    assert account.run("list").parts == (0, "", "There are no subscriptions.\n")


def test_replace_creates_before_it_deletes(account):
    account.fake.add(URL, OLD_SECRET)
    account.run("register", URL, "--replace")
    assert [method for method, _ in account.fake.calls("POST", "DELETE")] == ["POST", "DELETE"]


def test_replace_with_nothing_to_replace(account):
    account.fake.add(URL, SECRET)
    assert account.run("register", URL, "--replace").parts == (0, "", HERE)
    assert account.fake.calls("POST", "DELETE") == []


def test_a_replace_that_was_cut_short_is_finished_by_running_it_again(account):
    account.fake.add(URL, OLD_SECRET)
    account.fake.add(URL, SECRET)
    assert account.run("register", URL).parts == (0, "", (
        f"Subscription 2 already posts to {URL} with this secret; nothing was created.\n"
        f"Warning: Subscription 1 posts to {URL} too, with another secret.\n"))
    assert account.run("register", URL, "--replace").parts == (0, "", (
        f"Subscription 2 already posts to {URL} with this secret; nothing was created.\n"
        "Deleted subscription 1.\n"))


def test_dry_run_changes_nothing(account):
    account.fake.add(URL, OLD_SECRET)
    assert account.run("register", URL, "--replace", "--dry-run").parts == (0, "", (
        f"Would create a subscription that posts to {URL}.\nWould then delete subscription 1.\n"))
    assert account.fake.calls("POST", "DELETE") == []


def test_a_disabled_subscription_does_not_count(extremecloudiq):
    extremecloudiq.fake.add(URL, SECRET, status="DISABLED")
    assert extremecloudiq.run("register", URL).parts == (1, "", (
        f"Error: Subscription 1 posts to {URL} already and is disabled: "
        "give --replace to create a new one and then delete it.\n"))


def test_another_message_type_is_another_subscription(account):
    account.fake.add(URL, OLD_SECRET, message_type="AUDIT_LOG_ALL", messageType="AUDIT_LOG_ALL")
    assert account.run("register", URL).parts == (0, "", (
        f"Created subscription 2, which posts to {URL}.\n"
        f"Warning: Subscription 1 posts to {URL} too, with AUDIT_LOG_ALL.\n"))


def test_what_is_sent_to_hivemanager(hivemanager):
    hivemanager.run("register", URL)
    more = ("--message-type", "LOCATION_CLIENT_CENTRIC", "--application", "mine")
    hivemanager.run("register", URL + "?2", *more)
    first, second = [seen.json for seen in hivemanager.fake.seen if seen.method == "POST"]
    assert first == {"application": "presence-receiver", "ownerId": 1490, "secret": SECRET, "url": URL}
    assert second == {"application": "mine", "ownerId": 1490, "secret": SECRET, "url": URL + "?2",
                      "eventType": "LOCATION", "messageType": "LOCATION_CLIENT_CENTRIC"}


@pytest.mark.parametrize("fault", [lost, broken_off, done_but(page(502)), done_but(page(200))])
def test_a_create_whose_answer_is_lost(account, fault):
    account.fake.misbehave("POST", fault)
    assert account.run("register", URL).parts == (0, "", (
        f"The answer was lost, but subscription 1 was created; it posts to {URL}.\n"))
    assert stored(account) == [(1, URL, SECRET)]


def test_a_create_that_never_happened(account):
    account.fake.misbehave("POST", reset)
    name = "HIVEMANAGER_URL" if account.name == "hivemanager" else "EXTREMECLOUDIQ_URL"
    assert account.run("register", URL).parts == (1, "", (
        f"Error: {name} does not answer (the connection broke off): check the address and your network. "
        "The list does not show the new subscription. Run the same command again.\n"))
    assert len(account.fake.calls("POST")) == 1


def test_a_create_of_which_nothing_can_be_found_out(account):
    account.fake.misbehave("GET", well, *[instead(page(500))] * 5)
    account.fake.misbehave("POST", lost)
    vendor = "HiveManager" if account.name == "hivemanager" else "ExtremeCloud IQ"
    name = "HIVEMANAGER_URL" if account.name == "hivemanager" else "EXTREMECLOUDIQ_URL"
    assert account.run("register", URL).parts == (1, "", (
        f"Error: {name} does not answer (the connection broke off): check the address and your network. "
        f"What came of it is unknown, since the list cannot be read: "
        f"{vendor} failed (500, with an HTML page): try again later. Then look with `presence-cli list`.\n"))


def test_what_is_created_shows_late(account):
    account.run("register", URL + "?1")
    account.fake.misbehave("POST", hidden_for(account, 2))
    assert account.run("register", URL).parts == (0, "", f"Created subscription 2, which posts to {URL}.\n")


def test_what_is_created_does_not_show_at_all(account):
    account.fake.misbehave("POST", hidden_for(account, 9))
    assert account.run("register", URL).parts == (
        0, "", f"The subscription that posts to {URL} was accepted; it is not listed yet.\n")


def test_the_old_one_is_kept_until_the_new_one_shows(account):
    account.fake.add(URL, OLD_SECRET)
    account.fake.misbehave("POST", hidden_for(account, 9))
    assert account.run("register", URL, "--replace").parts == (1, "", (
        "Error: The new subscription was accepted but is not listed yet. Subscription 1 was kept. "
        "Run the same command again in a minute.\n"))
    assert account.fake.calls("DELETE") == []


def test_what_exists_already_without_being_listed_at_first(hivemanager):
    hivemanager.fake.add(URL, SECRET)
    hivemanager.fake.hidden_for = 1
    assert hivemanager.run("register", URL).parts == (0, "", HERE)
    assert len(hivemanager.fake.stored) == 1


def test_a_vendor_that_takes_each_url_once(hivemanager):
    hivemanager.fake.add(URL, OLD_SECRET)
    hivemanager.fake.unique_urls = True
    assert hivemanager.run("register", URL, "--replace").parts == (1, "", (
        "Error: HiveManager says that it has this subscription already "
        "(400; core.service.data.can.not.persist.object Cannot persist object). "
        "The list shows no such subscription with this secret. Subscription 1 was kept. "
        "Delete what `presence-cli list` shows for this URL, then register again.\n"))


@pytest.mark.parametrize(["url", "fault"], [
    ("http://example.org/presence",
     "must start with https://, since http:// can be read on the way; --insecure-http allows it."),
    ("example.org/presence", "must be a whole URL, such as https://example.org/presence."),
    ("https:///presence", "must be a whole URL, such as https://example.org/presence."),
    ("https://exa mple.org/presence", "must be a whole URL, such as https://example.org/presence."),
    ("https://[::1/presence", "is not a URL."),
    ("https://a:b@example.org/presence", "must hold no user, password or fragment."),
    ("https://example.org/" + "p" * 237, "has 257 characters; HiveManager takes 256."),
])
def test_urls_that_are_refused_before_any_call(account, url, fault):
    ran = account.run("register", url)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1] == f"Error: Invalid value for URL: {fault}"
    assert account.fake.seen == []


def test_plain_http_where_one_insists(account):
    assert account.run("register", "http://example.org/presence", "--insecure-http").code == 0


def test_another_path_is_a_warning(account):
    assert account.run("register", "https://example.org/").parts == (0, "", (
        "Warning: https://example.org/ does not end in /presence, where the receiver listens.\n"
        "Created subscription 1, which posts to https://example.org/.\n"))


@pytest.mark.parametrize(["secret", "fault"], [
    ("1234", "The secret must have at least 5 characters; "),
    ("sécret-sécret", "The secret must be plain ASCII without spaces around it; "),
])
def test_secrets_that_are_refused_before_any_call(account, secret, fault):
    assert account.run("register", URL, PRESENCE_SECRET=secret).parts == (
        1, "", f"Error: {fault}`presence-cli new-secret` makes one.\n")
    assert account.fake.seen == []


def test_the_longest_secret(hivemanager, extremecloudiq):
    assert hivemanager.run("register", URL, PRESENCE_SECRET="s" * 32).code == 0
    assert hivemanager.run("register", URL, PRESENCE_SECRET="s" * 33).parts == (1, "", (
        "Error: The secret must have at most 32 characters, since HiveManager takes no more; "
        "`presence-cli new-secret` makes one.\n"))
    assert extremecloudiq.run("register", URL, PRESENCE_SECRET="s" * 33).code == 0


def test_the_secret_from_a_file_and_from_stdin(account, tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    account.env["PRESENCE_SECRET"] = OLD_SECRET
    assert account.run("register", URL, "--secret-file", str(tmp_path / "secret")).code == 0
    assert account.run("register", URL, "--secret-file", "-", stdin=SECRET).parts == (0, "", HERE)
    assert stored(account) == [(1, URL, SECRET)]


def test_no_secret_and_nobody_to_ask(account):
    assert account.run("register", URL, PRESENCE_SECRET="").parts == (1, "", (
        "Error: PRESENCE_SECRET is not set: put it into the environment, into a file for --env-file, "
        "or give --secret-file.\n"))


def test_planning_needs_no_api():
    wanted = Subscription(URL, SECRET)
    untyped = Subscription(URL, SECRET, id="7")
    assert registration.plan_registration([], wanted, False) == registration.Plan(wanted, None, (), ())
    assert registration.plan_registration([untyped], wanted, False) == registration.Plan(wanted, untyped, (), ())


def test_no_repr_shows_a_credential(hivemanager):
    from presence_receiver.http_client.calls import Credentials
    assert SECRET not in repr(Subscription(URL, SECRET))
    assert CLIENT_ID not in repr(Credentials({"X-AH-API-CLIENT-ID": CLIENT_ID}))
