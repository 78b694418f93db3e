import pytest
from accounts import OLD_SECRET, SECRET, URL
from fakes.server import instead, lost, page, reset


@pytest.fixture
def three(account):
    for number in (1, 2):
        account.fake.add(URL, SECRET)
    account.fake.add(URL + "?3", OLD_SECRET)
    return account


def left(account):
    return [item["id"] for item in account.fake.stored]


def told(ran):
    """Exit code and the sentences after the table of what will go."""
    assert ran.out == ""
    sentences = [line for line in ran.err.splitlines() if "***" not in line and not line.startswith("ID ")]
    return ran.code, sentences


def test_ids(three):
    ran = three.run("delete", "3", "1", "1", "--yes")
    assert told(ran) == (0, ["Deleted subscription 1.", "Deleted subscription 3."])
    assert ran.err.splitlines()[1].startswith(f"1   presence-receiver  {URL} ")
    assert left(three) == [2]


def test_a_url(three):
    assert told(three.run("delete", "--url", URL, "--yes")) == (
        0, ["Deleted subscription 1.", "Deleted subscription 2."])
    assert left(three) == [3]


def test_an_absent_url(three):
    assert three.run("delete", "--url", URL + "?4", "--yes").parts == (
        0, "", f"No subscription posts to {URL}?4; nothing was deleted.\n")


def test_an_unknown_id_keeps_no_other(three):
    assert told(three.run("delete", "8", "2", "9", "--yes")) == (1, [
        "Deleted subscription 2.", "Error: There is no subscription 8: see `presence-cli list`. "
        "There is no subscription 9: see `presence-cli list`."])
    assert left(three) == [1, 3]


def test_a_failure_keeps_no_other(three):
    three.fake.misbehave("DELETE", instead(page(400)))
    vendor = "HiveManager" if three.name == "hivemanager" else "ExtremeCloud IQ"
    assert told(three.run("delete", "1", "2", "--yes")) == (1, [
        "Deleted subscription 2.",
        f"Error: {vendor} refused the call (400, with an HTML page): correct what it names."])
    assert left(three) == [1, 3]


def test_without_a_terminal_it_needs_yes(three):
    assert told(three.run("delete", "1")) == (
        1, ["Error: Nothing was deleted, since nobody can be asked without a terminal: give --yes."])
    assert left(three) == [1, 2, 3]


def test_dry_run(three):
    assert told(three.run("delete", "1", "--dry-run")) == (0, ["Would delete 1 subscription."])
    assert told(three.run("delete", "--url", URL, "--dry-run")) == (0, ["Would delete 2 subscriptions."])
    assert three.fake.calls("DELETE") == []


def test_a_lost_answer(three):
    three.fake.misbehave("DELETE", lost)
    assert told(three.run("delete", "1", "--yes")) == (
        0, ["The answer was lost, but subscription 1 is deleted."])
    assert [call[0] for call in three.fake.calls("GET", "DELETE")] == ["GET", "DELETE", "GET"]


def test_a_lost_request(three):
    three.fake.misbehave("DELETE", reset)
    name = "HIVEMANAGER_URL" if three.name == "hivemanager" else "EXTREMECLOUDIQ_URL"
    assert told(three.run("delete", "1", "--yes")) == (1, [
        f"Error: {name} does not answer (the connection broke off): check the address and your network. "
        "Subscription 1 is still there. Run the command again."])
    assert len(three.fake.calls("DELETE")) == 1


def test_an_older_server(extremecloudiq):
    extremecloudiq.fake.add(URL, SECRET)
    extremecloudiq.fake.old_server = True
    assert told(extremecloudiq.run("delete", "1", "--yes")) == (0, ["Deleted subscription 1."])
    assert extremecloudiq.fake.stored == []


def test_ids_or_a_url(account):
    for arguments in (("delete",), ("delete", "1", "--url", URL)):
        ran = account.run(*arguments)
        assert (ran.code, ran.err.splitlines()[-1]) == (2, "Error: Give either IDs or --url.")
    assert account.fake.seen == []


def test_an_id_is_opaque(hivemanager):
    hivemanager.fake.add(URL, SECRET, id="a/b c")
    assert hivemanager.run("delete", "a/b c", "--yes").code == 1
    assert hivemanager.fake.calls("DELETE") == [("DELETE", "/xapi/beta/configuration/webhooks/a%2Fb%20c/")]
