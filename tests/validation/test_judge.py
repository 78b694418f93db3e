import base64
import json
from pathlib import Path

import pytest
from judging import GOOD, NOW, judged, lines, rejected, report

SAMPLES = Path(__file__).parents[1] / "samples"
PAGE = ["clientMac", "ipv4", "ipv6", "seenTime", "seenEpoch", "ssid", "rssi", "manufacturer", "os",
        "lat", "lng", "unc", "x", "y"]


def sample(name):
    return (SAMPLES / f"{name}.json").read_bytes()


def refused(observation):
    found = judged(report(GOOD | observation))
    assert (found.accepted_count, found.rejected_count) == (0, 1)
    return found.errors["observations"]["0"]


@pytest.mark.parametrize("name, accepted, rejected", [
    ("vendor_page", 3, 0), ("array_of_reports", 27, 0), ("data_report", 5, 0), ("data_reports", 7, 0),
    ("client_centric", 6, 0), ("not_a_number", 4, 0), ("unknown_fields", 3, 0), ("two_bad_of_five", 3, 2),
    ("audit_log", 0, 1),
])
def test_every_sample(name, accepted, rejected):
    found = judged(sample(name))
    assert (found.accepted_count, found.rejected_count) == (accepted, rejected)
    assert (found.lines.count(b"\n"), found.rejected.count(b"\n")) == (accepted, rejected)


def test_a_line_has_every_field_of_the_page_in_its_order_and_nulls_where_nothing_was_sent():
    (line,) = lines(report(GOOD, ownerId=1490, apMac="C413E2008040"))
    assert list(line) == ["receivedAt", "ownerId", "apMac", *PAGE]
    assert {name: value for name, value in line.items() if value is not None} == {
        "receivedAt": NOW, "ownerId": 1490, "apMac": "C413E2008040", **GOOD,
    }


def test_values_stay_as_the_vendor_sent_them():
    sent = json.loads(sample("vendor_page"))
    expected = {"receivedAt": NOW, "ownerId": "1082983976", "apMac": "3a1e6d8c785c", **sent["observations"][0]}
    assert [json.dumps(line) for line in lines(sample("vendor_page"))] == [json.dumps(expected)] * 3


def test_client_centric_lines_have_no_access_point_and_keep_who_saw_the_device():
    sent = json.loads(sample("client_centric"))["data"]["observations"]
    found = lines(sample("client_centric"))
    assert [line["apMac"] for line in found] == [None] * 6
    assert [line["deviceObservers"] for line in found] == [seen["deviceObservers"] for seen in sent]
    assert list(found[0]) == ["receivedAt", "ownerId", "apMac", *PAGE, "deviceObservers"]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_coordinate_that_says_that_it_is_no_number_becomes_null(word):
    (line,) = lines(report(GOOD | {"x": word, "lat": word, "ssid": word}))
    assert (line["x"], line["lat"], line["ssid"]) == (None, None, word)


def test_an_escaped_word_for_no_number_becomes_null_too():
    body = json.dumps(report(GOOD | {"x": "@"})).replace("@", "\\u004eaN")
    assert lines(body.encode())[0]["x"] is None


def test_unknown_fields_come_last_the_reports_before_the_observations():
    (line,) = lines(report(GOOD | {"vlan": 12, "z": [1.5, None]}, apName="Lobby", floor=2))
    assert list(line.items())[-4:] == [("apName", "Lobby"), ("floor", 2), ("vlan", 12), ("z", [1.5, None])]


def test_no_key_is_there_twice_and_the_observations_own_value_wins():
    seen = GOOD | {"receivedAt": "never", "ownerId": 7, "apMac": "AABBCCDDEEFF", "vlan": 12, "ssid": None}
    (line,) = lines(report(seen, receivedAt="never", ownerId=8, apMac="001122334455", vlan=13, ssid="the report's"))
    assert (line["receivedAt"], line["ownerId"], line["apMac"]) == (NOW, 7, "AABBCCDDEEFF")
    assert (line["vlan"], line["ssid"]) == (12, None)
    assert judged(report(seen, vlan=13)).lines.count(b'"vlan"') == 1


def test_null_counts_as_missing():
    (line,) = lines(report(GOOD | {"ownerId": None, "apMac": None, "deviceObservers": None}, ownerId=8, apMac=None))
    assert (line["ownerId"], line["apMac"], "deviceObservers" in line) == (8, None, False)


def test_what_stands_beside_data_is_a_field_of_each_report_where_its_name_is_free():
    found = lines({"data": [report(GOOD), report(GOOD, ownerId=2)], "ownerId": 1, "batch": "a"})
    assert [(line["ownerId"], line["batch"]) for line in found] == [(1, "a"), (2, "a")]


@pytest.mark.parametrize("observation, errors", [
    ({"rssi": "loud"}, {"rssi": ["Not a valid integer."]}),
    ({"rssi": True}, {"rssi": ["Not a valid integer."]}),
    ({"rssi": -50.0}, {"rssi": ["Not a valid integer."]}),
    ({"rssi": 128}, {"rssi": ["Must be greater than or equal to -128 and less than or equal to 127."]}),
    ({"clientMac": None}, {"clientMac": ["Field may not be null."]}),
    ({"clientMac": "5CB901642E6"}, {"clientMac": ["Not a valid MAC address."]}),
    ({"clientMac": "5CB901642E60\n"}, {"clientMac": ["Not a valid MAC address."]}),
    ({"clientMac": "5CB901642E60\n5CB901642E60"}, {"clientMac": ["Not a valid MAC address."]}),
    ({"clientMac": "5C:B9-01:64:2E:6"}, {"clientMac": ["Not a valid MAC address."]}),
    ({"seenTime": "2015-02-29T07:00:00Z"}, {"seenTime": ["Not a valid date and time with offset."]}),
    ({"seenTime": "2015-10-09T07:00:00"}, {"seenTime": ["Not a valid date and time with offset."]}),
    ({"seenTime": "2015-10-09"}, {"seenTime": ["Not a valid date and time with offset."]}),
    ({"seenTime": "2015-10-09T24:00:00Z"}, {"seenTime": ["Not a valid date and time with offset."]}),
    ({"seenEpoch": None}, {"seenTime": ["One of seenTime and seenEpoch is required."]}),
    ({"seenEpoch": "1463828775360"}, {"seenEpoch": ["Not a valid integer."]}),
    ({"seenEpoch": 2**64}, {"seenEpoch": ["Must fit in 64 bits."]}),
    ({"ipv4": "191.45.252"}, {"ipv4": ["Not a valid IPv4 address."]}),
    ({"ipv4": "::1"}, {"ipv4": ["Not a valid IPv4 address."]}),
    ({"ipv6": "191.45.252.67"}, {"ipv6": ["Not a valid IPv6 address."]}),
    ({"lat": 90.5}, {"lat": ["Must be greater than or equal to -90 and less than or equal to 90."]}),
    ({"lng": -181}, {"lng": ["Must be greater than or equal to -180 and less than or equal to 180."]}),
    ({"unc": -0.5}, {"unc": ["Must be greater than or equal to 0."]}),
    ({"x": "45"}, {"x": ["Not a valid number."]}),
    ({"x": False}, {"x": ["Not a valid number."]}),
    ({"x": 10**30}, {"x": ["Must fit in 64 bits."]}),
    ({"x": 10**400}, {"x": ["Must fit in 64 bits."]}),
    ({"ssid": 5}, {"ssid": ["Not a valid string."]}),
    ({"apMac": "lobby"}, {"apMac": ["Not a valid MAC address."]}),
    ({"deviceObservers": {}}, {"deviceObservers": ["Not a valid list."]}),
    ({"deviceObservers": [{"apMac": "x"}]}, {"deviceObservers": {"0": {"apMac": ["Not a valid MAC address."]}}}),
])
def test_what_is_refused_and_why(observation, errors):
    assert json.loads(json.dumps(refused(observation))) == errors


@pytest.mark.parametrize("observation", [
    {"clientMac": "5c:b9:01:64:2e:60"}, {"clientMac": "5C-B9-01-64-2E-60"}, {"clientMac": "ab" * 32},
    {"seenTime": "2016-02-29T23:59:59.999999999+00:00"}, {"seenTime": "2015-10-09T07:00:00.000+0000"},
    {"seenTime": "2015-10-09T07:00:00Z", "seenEpoch": None}, {"seenEpoch": 2**64 - 1},
    {"rssi": -128}, {"lat": 90, "lng": -180.0, "unc": 0, "x": -1e300}, {"ssid": "a\u0000b", "os": ""},
    {"ipv6": "fe80::1%eth0"}, {"ipv6": "::ffff:1.2.3.4"}, {"ownerId": {"id": 5}},
    {"deviceObservers": [{"apMac": None, "rssi": None, "vlan": {"deep": [1]}}]}, {"deviceObservers": []},
])
def test_what_is_accepted_keeps_its_values(observation):
    (line,) = lines(report(GOOD | observation))
    assert {name: line[name] for name in observation} == observation


def test_a_lone_surrogate_costs_only_its_own_observation():
    good, bad = json.dumps(GOOD), json.dumps(GOOD | {"ssid": "\ud800"})
    body = f'[{{"observations": [{good}, {bad}, {good}]}}]'.encode()
    found = judged(body)
    assert (found.accepted_count, found.rejected_count) == (2, 1)
    (line,) = rejected(body)
    assert json.loads(line["observation"]) == GOOD | {"ssid": "\ud800"}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 5000, "18446744073709551616"])
@pytest.mark.parametrize("name", ["x", "seenEpoch", "ssid", "unknown"])
def test_a_number_that_cannot_be_stored_costs_only_its_own_observation_and_is_kept_as_text(name, number):
    bad = json.dumps(GOOD | {name: "@"}).replace('"@"', number)
    body = f'{{"observations": [{json.dumps(GOOD)}, {bad}]}}'.encode()
    found = judged(body)
    assert (found.accepted_count, found.rejected_count) == (1, 1)
    assert number in found.rejected.decode()


def test_of_duplicate_keys_the_last_wins():
    body = b'{"observations": [{"clientMac": "x", "clientMac": "5CB901642E60", "seenEpoch": 1, "vlan": 1, "vlan": 2}]}'
    assert [(line["clientMac"], line["vlan"]) for line in lines(body)] == [("5CB901642E60", 2)]


def test_a_bad_access_point_rejects_its_reports_observations_each_counted():
    found = judged([report(GOOD, GOOD, apMac="lobby"), report(GOOD)])
    assert (found.accepted_count, found.rejected_count) == (1, 2)
    assert found.errors == {"0": {"apMac": ["Not a valid MAC address."]}}


def test_a_part_that_is_no_report_counts_as_one():
    found = judged([5, report(GOOD), [], {"apMac": None}, {"observations": "none"}])
    assert (found.accepted_count, found.rejected_count) == (1, 4)


@pytest.mark.parametrize("body", [
    [], {"data": []}, report(), {"observations": None}, {"data": {"observations": None}}, [report(), report()],
])
def test_a_delivery_without_observations_is_empty(body):
    found = judged(body)
    assert (found.accepted_count, found.rejected_count, found.lines, found.rejected) == (0, 0, b"", b"")


def test_the_errors_name_the_path_with_the_reports_index_where_there_are_several():
    bad = GOOD | {"rssi": "loud"}
    assert judged(report(GOOD, bad)).errors == {"observations": {"1": {"rssi": ["Not a valid integer."]}}}
    assert judged([report(bad), report(GOOD, bad)]).errors == {
        "0": {"observations": {"0": {"rssi": ["Not a valid integer."]}}},
        "1": {"observations": {"1": {"rssi": ["Not a valid integer."]}}},
    }


def test_an_answer_explains_twenty_rejections_and_the_file_all():
    body = report(*[GOOD | {"rssi": "loud"}] * 25)
    assert len(judged(body).errors["observations"]) == 20
    assert len(rejected(body)) == 25


def test_a_rejected_line_holds_what_the_line_can_be_made_from_later():
    bad = GOOD | {"rssi": "loud"}
    assert rejected(report(GOOD, bad, ownerId=1490, apName="Lobby")) == [{
        "receivedAt": NOW, "errors": {"observations": {"1": {"rssi": ["Not a valid integer."]}}},
        "report": {"ownerId": 1490, "apName": "Lobby"}, "observation": bad,
    }]


@pytest.mark.parametrize("body, error", [
    (b"", "The body is not JSON: Expecting value at byte 0."),
    (b'{"a": 1', "The body is not JSON: Expecting ',' delimiter at byte 7."),
    (b'{"observations": [NaN]}', "The body is not JSON: NaN is no JSON value."),
    (b'{"observations": [{"x": -Infinity}]}', "The body is not JSON: -Infinity is no JSON value."),
    (b'[{"observations": [{"ssid": "a\x01"}]}]', "The body is not JSON: Invalid control character at byte 30."),
    (b'{"observations": [], "x": "\xff"}', "The body is not JSON: invalid UTF-8 at byte 27."),
    (b"[" * 100_000 + b"]" * 100_000, "The body is not JSON that we can read: it is nested too deep."),
])
def test_a_body_that_is_not_json_is_rejected_whole(body, error):
    found = judged(body)
    assert (found.error, found.is_readable, found.rejected_count, found.lines) == (error, False, 1, b"")
    (line,) = rejected(body)
    kept = base64.b64decode(line["bodyBase64"]) if "bodyBase64" in line else line["body"].encode()
    assert (kept, line["errors"], line["receivedAt"]) == (body, {"_schema": [error]}, NOW)


@pytest.mark.parametrize("depth", [*range(900, 1101, 5), 5_000])
@pytest.mark.parametrize("where", ["unknown", "ownerId", "ssid"])
def test_depth_is_never_more_than_a_rejection(depth, where):
    nested = "[" * depth + "]" * depth
    found = judged(json.dumps(report(GOOD, GOOD | {where: "@"})).replace('"@"', nested).encode())
    assert found.accepted_count + found.rejected_count in (1, 2)
