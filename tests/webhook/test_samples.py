"""Every sample body by HTTP: the answer and the whole lines."""
import json
import re
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "samples"
FIRST = ["receivedAt", "ownerId", "apMac"]
PAGE = ["clientMac", "ipv4", "ipv6", "seenTime", "seenEpoch", "ssid", "rssi", "manufacturer", "os",
        "lat", "lng", "unc", "x", "y"]
WORDS = ("NaN", "Infinity", "-Infinity")


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def pairs(body):
    """Each observation of a body of any shape with its report."""
    data = body["data"] if "data" in body else body
    reports = data if isinstance(data, list) else [data]
    return [(report, seen) for report in reports for seen in report.pop("observations")]


def expected(report, seen, received_at):
    """Return an observation's line, by what the validation's page says."""
    ours = {"receivedAt": received_at, "ownerId": report["ownerId"], "apMac": report.get("apMac")}
    page = {name: None if name in ("x", "y") and seen[name] in WORDS else seen.get(name) for name in PAGE}
    observers = {name: seen[name] for name in ("deviceObservers",) if name in seen}
    unknown = {name: value for fields in (report, seen) for name, value in fields.items()}
    return ours | page | observers | {name: unknown[name] for name in unknown if name not in FIRST + PAGE}


@pytest.fixture
def post(receiver, stored):
    """Post a sample; its answer and the two kinds of lines."""

    def post_one(name):
        found = receiver.post((SAMPLES / f"{name}.json").read_bytes())
        return (found.status, found.json), stored.lines, stored.rejected

    return post_one


@pytest.mark.parametrize("name, count", [
    ("array_of_reports", 27), ("data_report", 5), ("data_reports", 7), ("client_centric", 6), ("not_a_number", 4),
    ("unknown_fields", 3), ("vendor_page", 3),
])
def test_every_line_of_a_good_sample(name, count, post):
    found, lines, rejected = post(name)
    assert (found, len(lines), rejected) == ((200, {"accepted": count, "rejected": 0}), count, [])
    wanted = [expected(report, seen, lines[0]["receivedAt"]) for report, seen in pairs(sample(name))]
    assert [list(line.items()) for line in lines] == [list(line.items()) for line in wanted]


def test_the_vendors_own_sample(post):
    found, lines, _ = post("vendor_page")
    received_at = lines[0].pop("receivedAt")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", received_at)
    assert {line["receivedAt"] for line in lines[1:]} == {received_at}
    assert lines[0] == {
        "ownerId": "1082983976", "apMac": "3a1e6d8c785c", "clientMac": "dcac3da506b4",
        "ipv4": "191.45.252.67", "ipv6": None, "seenTime": "2015-10-09T07:00:00.000+0000", "seenEpoch": 1264988544,
        "ssid": "Retail World", "rssi": -50, "manufacturer": "Apple", "os": "ios", "lat": 45, "lng": 122, "unc": 5,
        "x": 0, "y": 0,
    }


def test_coordinates_that_are_words_become_null(post):
    _, lines, _ = post("not_a_number")
    assert None in [line["x"] for line in lines]


def test_client_centric_lines_name_no_access_point(post):
    _, lines, _ = post("client_centric")
    assert {line["apMac"] for line in lines} == {None}


def test_unknown_fields_of_report_and_observation_are_kept(post):
    _, lines, _ = post("unknown_fields")
    assert {(line["apName"], line["vlan"], line["location"]["floor"]) for line in lines} == {("Lobby", 12, 2)}


def test_two_bad_of_five(post):
    found, lines, rejected = post("two_bad_of_five")
    assert found == (200, {"accepted": 3, "rejected": 2})
    both, received_at = pairs(sample("two_bad_of_five")), lines[0]["receivedAt"]
    good = [pair for pair in both if pair[1]["clientMac"] in [line["clientMac"] for line in lines]]
    bad = [pair for pair in both if pair not in good]
    assert lines == [expected(report, seen, received_at) for report, seen in good]
    assert [(line["report"], line["observation"]) for line in rejected] == bad
    assert {line["receivedAt"] for line in rejected} == {received_at}


def test_an_audit_log_is_no_delivery(post):
    (status, _), lines, rejected = post("audit_log")
    errors = {"observations": ["Missing data for required field."]}
    assert (status, lines) == (422, [])
    (report,) = sample("audit_log")
    received_at = rejected[0]["receivedAt"]
    assert rejected == [{"receivedAt": received_at, "errors": errors, "report": report, "observation": None}]
