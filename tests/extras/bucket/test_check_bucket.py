"""presence-cli check-bucket: what a bucket that does shows, and the sentence for each one that does not."""
import contextlib
import datetime
import re

import pytest
from buckets import MOTO, Store
from command_line import run

from presence_receiver.extras.bucket import store as bucket_store

TIMES = r"10 of 16 KiB, \d+ to \d+ ms\n"
SHOWN = (f"PUT: {TIMES}PUT again: {TIMES}"
         r"LIST: sees all 10 objects; the bucket's clock is \+0 s from ours" "\n"
         f"GET: {TIMES}DELETE: {TIMES}")


def check(store, **variables):
    return run("check-bucket", env={"PRESENCE_BUCKET_URL": store.url, **store.variables, **variables})


def refused(store, **variables):
    """The sentence, and that nothing is left there."""
    ran = check(store, **variables)
    assert ran.code == 1
    return ran.err.removeprefix("Error: The bucket at PRESENCE_BUCKET_URL ").removesuffix("\n")


def test_a_bucket_that_does(store):
    ran = check(store)
    assert (ran.code, ran.err, store.paths()) == (0, "", [])
    assert re.fullmatch(SHOWN.replace(r"\+0", r"[+-]\d"), ran.out)


def test_no_such_bucket(server):
    assert refused(Store(server.port, "nowhere")) == "does not exist."


def test_nobody_there(store):
    assert refused(store, AWS_ENDPOINT_URL="http://127.0.0.1:1") == (
        "cannot be reached: check its endpoint (AWS_ENDPOINT_URL, say).")


def test_refused_credentials(store, server):
    if MOTO:
        pytest.skip("moto takes every key")
    assert refused(store, AWS_ACCESS_KEY_ID="stranger") == (
        "refuses our credentials: check the variables of its provider (AWS_ACCESS_KEY_ID, say).")


@contextlib.contextmanager
def changed(server, **attributes):
    """Let the fake be otherwise for a while."""
    before = {name: getattr(server, name) for name in attributes}
    vars(server).update(attributes)
    yield
    vars(server).update(before)


@pytest.mark.skipif(MOTO, reason="moto has no other clock")
def test_clocks_that_are_apart(store, server):
    with changed(server, behind=datetime.timedelta(minutes=1)):
        assert "the bucket's clock is -60 s from ours\n" in check(store).out
    with changed(server, behind=datetime.timedelta(hours=1)):
        assert refused(store) == "says that this machine's clock is wrong."


@pytest.mark.skipif(MOTO, reason="moto lists what is there")
def test_a_list_that_does_not_see(store, server):
    class All:
        def __contains__(self, key):
            return True

    with changed(server, hidden=All()):
        assert refused(store) == "does not list at once what was put into it."
    assert store.paths() == []


def test_other_bytes_than_were_put(store, gateway, behind):
    gateway.mode = "other bytes"
    assert refused(store, **behind) == "gives back other bytes than were put into it."
    assert store.paths() == []


def test_what_was_deleted_is_still_there(store, gateway, behind):
    gateway.mode = "lying delete"
    assert refused(store, **behind) == "still lists what was deleted."


NO_URL = "AWS_ENDPOINT_URL must be a URL, which begins with https:// or http://."


@pytest.mark.parametrize(["name", "value", "said"], [
    ("AWS_ENDPOINT_URL", "127.0.0.1:1", NO_URL), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1 ", NO_URL),
    ("AWS_ACCESS_KEY_ID", "testkey\n", "AWS_ACCESS_KEY_ID must be one line of ASCII, without a newline at its end."),
    ("AWS_SESSION_TOKEN", "token\n", "AWS_SESSION_TOKEN must be one line of ASCII, without a newline at its end."),
])
def test_what_the_client_would_panic_at(name, value, said, store):
    ran = check(store, **{name: value})
    assert ran.parts == (1, "", f"Error: {said}\n")


def test_what_is_called_an_endpoint_and_is_none(store):
    names = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
             "AZURE_USE_FABRIC_ENDPOINT")
    ran = check(store, **dict.fromkeys(names, "false"), AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE="IPv4")
    assert (ran.code, ran.err) == (0, "")


def test_half_of_the_credentials(store, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    variables = {name: value for name, value in store.variables.items() if name != "AWS_ACCESS_KEY_ID"}
    ran = run("check-bucket", env={"PRESENCE_BUCKET_URL": store.url, **variables})
    assert ran.parts == (1, "", "Error: The bucket at PRESENCE_BUCKET_URL got no credentials: set the variables of its "
                                "provider (AWS_ACCESS_KEY_ID, say).\n")


def test_without_a_bucket():
    assert run("check-bucket").parts == (
        1, "", "Error: PRESENCE_BUCKET_URL is missing: set it to the bucket that the receivers have.\n")


@pytest.mark.parametrize("name", ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_METADATA_ENDPOINT",
                                  "AZURE_STORAGE_ENDPOINT", "AZURE_MSI_ENDPOINT"])
def test_every_endpoint_is_looked_at(name, store):
    assert check(store, **{name: "127.0.0.1:1"}).err == (
        f"Error: {name} must be a URL, which begins with https:// or http://.\n")


def test_a_key_that_a_client_makes_nothing_of():
    account = {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": "no base64"}
    ran = run("check-bucket", env={"PRESENCE_BUCKET_URL": "az://container", **account})
    assert ran.parts == (1, "", "Error: The bucket at PRESENCE_BUCKET_URL refuses our credentials: check the variables "
                                "of its provider (AWS_ACCESS_KEY_ID, say).\n")


@pytest.mark.parametrize("kind", ["URL", "Config"])
def test_what_a_client_cannot_make_out(kind):
    assert bucket_store._sentence(ValueError(f"Generic {kind} error: odd")) == (
        "The bucket at PRESENCE_BUCKET_URL cannot be made out: check PRESENCE_BUCKET_URL and the variables of its "
        "provider.")
