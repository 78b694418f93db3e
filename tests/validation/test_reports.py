"""The reports in a body of any shape: what stands where, and which bodies are none."""
import json

import msgspec
import pytest

from presence_receiver.budgets import Budget
from presence_receiver.errors import BadDelivery
from presence_receiver.validation import reports

A, B = {"apMac": "C413E2008040", "observations": [{"rssi": -50}]}, {"apMac": "C413E2008041", "observations": []}


def found(body):
    """Return the reports in a body, each value of theirs read."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [plain(part) for part in reports.reports(text, Budget())]


def plain(part):
    if isinstance(part, dict):
        return {name: plain(value) for name, value in part.items()}
    return json.loads(bytes(part)) if isinstance(part, msgspec.Raw) else part


@pytest.mark.parametrize("body, expected", [
    (A, [A]), ([], []), ([A, B], [A, B]),
    ({"data": A}, [A]), ({"data": [A, B]}, [A, B]),
    ({"ownerId": 7, "data": [A, B]}, [{"ownerId": 7} | A, {"ownerId": 7} | B]),
], ids=["a report", "none", "a list", "data", "a list in data", "with fields beside data"])
def test_every_shape_of_a_delivery(body, expected):
    assert found(body) == expected


def test_data_beside_observations_is_a_field_of_the_report():
    assert found(A | {"data": [1]}) == [A | {"data": [1]}]


def test_a_field_beside_data_does_not_replace_the_reports():
    assert found({"apMac": "000000000000", "data": [A]})[0]["apMac"] == A["apMac"]


@pytest.mark.parametrize("body, expected", [
    (b"1", [1]), (b'"text"', ["text"]), (b"null", [None]), (b"[1, [2]]", [1, [2]]), (b'{"data": 1}', [1]),
])
def test_what_is_no_report_is_there_too(body, expected):
    assert found(body) == expected


def test_a_list_in_which_not_all_are_reports_keeps_its_order():
    assert found([A, 1, B]) == [A, 1, B]
    assert found({"data": [A, 1, B]}) == [A, 1, B]


def test_of_duplicate_keys_the_last_wins():
    assert found(b'{"ownerId": 1, "observations": [], "ownerId": 2}') == [{"ownerId": 2, "observations": []}]


def test_a_lone_surrogate_spoils_no_other_report():
    [bad, good] = found(b'[{"ownerId": "\\ud800", "observations": []}, {"ownerId": 7, "observations": []}]')
    assert (bad["ownerId"], good["ownerId"]) == ("\ud800", 7)


@pytest.mark.parametrize("body, error", [
    (b"", "The body is not JSON: Expecting value at byte 0."),
    (b"[{]", "The body is not JSON: Expecting property name enclosed in double quotes at byte 2."),
    (b"[NaN]", "The body is not JSON: NaN is no JSON value."),
    (b'["\xc3\xa4", "\xff"]', "The body is not JSON: invalid UTF-8 at byte 8."),
    (b'["\xc3\xa4", }', "The body is not JSON: Expecting value at byte 7."),
])
def test_what_is_not_json_is_told_by_its_place_in_bytes(body, error):
    with pytest.raises(BadDelivery) as refusal:
        found(body)
    assert (str(refusal.value), refusal.value.body) == (error, body)
