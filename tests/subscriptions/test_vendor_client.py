import json

import pytest
from accounts import ACCESS_TOKEN, SECRET, URL
from vendor_client import notification_api


@pytest.fixture
def vendors(extremecloudiq):
    return notification_api(extremecloudiq.fake.url, ACCESS_TOKEN)


def asked(fake):
    """What a request says, without what tells one HTTP library from another."""
    return [(seen.method, seen.path, seen.query, seen.headers["Authorization"],
             json.loads(seen.body) if seen.body else None) for seen in fake.seen]


def register(vendors):
    api, request = vendors
    api.create_subscriptions([request(application="presence-receiver", url=URL, secret=SECRET,
                                      message_type="LOCATION_AP_CENTRIC", status="ENABLED")])


def test_the_fake_serves_the_vendors_client(extremecloudiq, vendors):
    register(vendors)
    [listed] = vendors[0].list(page=1, limit=100).data
    assert (listed.id, listed.url, listed.secret, listed.status.value) == (1, URL, SECRET, "ENABLED")
    assert (listed.data_type.value, listed.message_type.value) == ("LOCATION", "LOCATION_AP_CENTRIC")
    vendors[0].delete_subscription([1])
    assert vendors[0].list(page=1, limit=100).data == []


def test_we_ask_what_the_vendors_client_asks(extremecloudiq, vendors):
    fake = extremecloudiq.fake
    vendors[0].list(page=1, limit=100)
    register(vendors)
    vendors[0].list(page=1, limit=100)
    vendors[0].list(page=1, limit=100)
    vendors[0].delete_subscription([1])
    theirs = asked(fake)
    fake.seen.clear()
    fake.next_id = 1
    assert extremecloudiq.run("register", URL).code == 0
    assert extremecloudiq.run("delete", "1", "--yes").code == 0
    assert asked(fake) == theirs
