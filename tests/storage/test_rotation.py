import datetime

import pytest

from presence_receiver.storage import rotation

NOW = datetime.datetime(2026, 11, 22, 20, 15, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)


def is_due(**values):
    return rotation.is_due(**dict(dict(
        size=100, batch=20, first=NOW, now=NOW, most_bytes=120, most_seconds=60,
    ), **values))


@pytest.mark.parametrize("values, expected", [
    ({}, False),
    ({"batch": 21}, True),
    ({"size": 0, "batch": 1000}, False),
    ({"first": NOW - 59 * SECOND}, False),
    ({"first": NOW - 60 * SECOND}, True),
    ({"first": NOW + 3600 * SECOND}, False),
    ({"first": None}, False),
    ({"first": None, "batch": 21}, True),
    ({"size": 0, "first": NOW - 3600 * SECOND}, False),
])
def test_a_file_is_due_when_it_is_full_or_old_but_never_when_it_is_empty(values, expected):
    assert is_due(**values) is expected


def test_a_closed_name_tells_its_time():
    assert rotation.closed_name("presence", NOW, []) == "presence-20261122T201500.000000Z.jsonl"
    assert rotation.closed_at("presence", "presence-20261122T201500.000000Z.jsonl.gz") == NOW


def test_a_closed_name_is_later_than_any_before_it_whatever_the_clock_does():
    names = ["presence-20261122T201500.000000Z.jsonl.gz", "presence-20261123T201500.999999Z.jsonl", "presence.jsonl"]
    assert rotation.closed_name("presence", NOW, names) == "presence-20261123T201501.000000Z.jsonl"
    assert rotation.closed_name("rejected", NOW, names) == "rejected-20261122T201500.000000Z.jsonl"


@pytest.mark.parametrize("name", [
    "presence.jsonl", "rejected-20261122T201500.000000Z.jsonl", "presence-20261122.jsonl", "notes.txt",
    "presence-20261322T201500.000000Z.jsonl", "presence-20261122T201500.000000Z.jsonl.tmp",
])
def test_no_other_file_counts_as_closed(name):
    assert rotation.closed_at("presence", name) is None


def test_a_name_without_a_successor_hides_none_that_has_one():
    names = ["presence-99991231T235959.999999Z.jsonl", "presence-20991122T201500.000001Z.jsonl.gz"]
    assert rotation.closed_name("presence", NOW, names) == "presence-20991122T201500.000002Z.jsonl"
