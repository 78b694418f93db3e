"""Every value of a delivery is in a line or in a rejected line, wherever it stood and whatever its name."""
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import GOOD, NOW, judged, lines, rejected, report

from presence_receiver.validation import fast_path
from presence_receiver.validation.judge import judge_delivery

SECOND_PLACE = ["Looks like a report in a second place: its observations would be lost here."]
TAKEN = ["The name is needed for a value whose own name is taken, and was sent too."]
EXAMPLES = settings(
    max_examples=int(os.environ.get("PRESENCE_TEST_EXAMPLES", "100")), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("delivery", [
    {"data": [report(GOOD)], "observations": []}, {"data": [GOOD], "observations": None},
    {"data": report(GOOD), "observations": []}, {"data": [], "reports": [report(GOOD)]},
    [report(reports=[[report(GOOD)]])], report(old=report()), {"data": [report(clientMac=GOOD["clientMac"])]},
])
def test_a_report_in_a_second_place_is_rejected_visibly(delivery):
    found = judged(delivery)
    assert (found.accepted_count, found.rejected_count, found.lines) == (0, 1, b"")
    assert SECOND_PLACE in [*found.errors.values()]


def test_beside_observations_it_is_rejected_and_they_are_not():
    delivery = report(GOOD, data=[report(GOOD | {"seenEpoch": 5})], ownerId=7)
    ((line,), (other,)) = lines(delivery), rejected(delivery)
    assert (line["seenEpoch"], line["ownerId"], "data" in line) == (GOOD["seenEpoch"], 7, False)
    assert other["report"] == {"data": delivery["data"], "ownerId": 7}
    assert other["errors"] == {"data": SECOND_PLACE}


def test_what_is_no_report_keeps_what_stood_beside_it():
    (line,) = rejected({"data": [5], "ownerId": 7})
    assert line["report"] == {"data": 5, "ownerId": 7}


@pytest.mark.parametrize("fields, observation, expected", [
    ({}, {"receivedAt": "never"}, {"receivedAt": NOW, "sent.receivedAt": "never"}),
    ({"receivedAt": "never"}, {}, {"receivedAt": NOW, "report.receivedAt": "never"}),
    ({"ssid": "a", "clientMac": "b"}, {"ssid": "c"}, {"ssid": "c", "report.ssid": "a", "report.clientMac": "b"}),
    ({"ssid": "a"}, {}, {"ssid": None, "report.ssid": "a"}),
    ({"vlan": 1}, {"vlan": 2}, {"vlan": 2, "report.vlan": 1}),
    ({"ownerId": 1}, {"ownerId": 2}, {"ownerId": 2, "report.ownerId": 1}),
    ({"ownerId": 1}, {"ownerId": "1"}, {"ownerId": "1", "report.ownerId": 1}),
    ({"apMac": "C413E2008040"}, {"apMac": "5CB901642E60"},
     {"apMac": "5CB901642E60", "report.apMac": "C413E2008040"}),
    ({"deviceObservers": []}, {}, {"report.deviceObservers": []}),
])
def test_a_taken_name_is_kept_under_another(fields, observation, expected):
    (line,) = lines(report(GOOD | observation, **fields))
    assert line | expected == line


def test_what_an_observation_repeats_of_its_report_is_there_once():
    seen = GOOD | {"ownerId": 7, "apMac": "C413E2008040"}
    (line,) = lines(report(seen, ownerId=7, apMac="C413E2008040"))
    assert not [name for name in line if name.startswith("report.")]


def test_what_stood_beside_data_is_kept_under_another_name_too():
    ((line,),) = [lines({"data": [report(GOOD, ownerId=2)], "ownerId": 1})]
    assert (line["ownerId"], line["report.ownerId"]) == (2, 1)
    (line,) = rejected({"data": report(GOOD, ownerId=2, **{"report.ownerId": 3}), "ownerId": 1})
    assert line["report"] == {"data": report(GOOD, ownerId=2, **{"report.ownerId": 3}), "ownerId": 1}


@pytest.mark.parametrize("fields, observation, name", [
    ({}, {"receivedAt": 1, "sent.receivedAt": 2}, "sent.receivedAt"),
    ({"ssid": 1}, {"report.ssid": 2}, "report.ssid"),
    ({"vlan": 1, "report.vlan": 2}, {"vlan": 3}, "report.vlan"),
])
def test_where_the_other_name_was_sent_too_the_observation_alone_is_rejected(fields, observation, name):
    delivery = report(GOOD, GOOD | observation, **fields)
    (line,) = rejected(delivery)
    assert line["errors"] == {"observations": {"1": {name: TAKEN}}}
    assert (line["observation"], line["report"]) == (GOOD | observation, fields)
    assert judged(delivery).accepted_count == 1


names = st.sampled_from([
    "receivedAt", "sent.receivedAt", "ownerId", "apMac", "ssid", "report.ssid", "vlan", "report.vlan", "report.ownerId",
    "data", "reports", "deviceObservers", "clientMac",
])


class Marks:
    """Values that occur once in a delivery, so that each can be looked for."""

    def __init__(self):
        self.count = 0

    def __call__(self, _):
        self.count += 1
        return f"mark-{self.count}-"


def deliveries():
    fields = st.dictionaries(names, st.just("mark"), max_size=5)
    observations = st.lists(st.builds(dict.__or__, st.just(GOOD), fields), min_size=1, max_size=3)
    reports = st.builds(lambda own, seen: own | {"observations": seen}, fields, observations)
    beside = st.builds(lambda own, data: own | {"data": data}, fields, st.lists(reports | st.just("mark"), min_size=1))
    odd = st.builds(lambda own, data: own | {"data": data, "observations": []}, fields, st.lists(reports, min_size=1))
    return reports | st.lists(reports, max_size=3) | beside | odd


def marked(value, marks):
    if isinstance(value, dict):
        return {name: marked(inner, marks) for name, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner, marks) for inner in value]
    return marks(value) if value == "mark" else value


@EXAMPLES
@given(delivery=deliveries())
def test_no_value_of_a_delivery_vanishes(delivery):
    marks = Marks()
    found = judged(marked(delivery, marks))
    text = (found.lines + found.rejected).decode()
    assert [number for number in range(1, marks.count + 1) if f'"mark-{number}-"' not in text] == []


@EXAMPLES
@given(delivery=deliveries())
def test_both_judges_place_every_value_alike(monkeypatch, delivery):
    body = json.dumps(marked(delivery, Marks())).encode()
    fast = judge_delivery(body, NOW)
    with monkeypatch.context() as patch:
        patch.setattr(fast_path, "accepted", lambda objects: [None] * len(objects))
        patch.setattr(fast_path, "judged", lambda reports, *_: [None] * len(reports))
        assert judge_delivery(body, NOW) == fast


@pytest.mark.parametrize("report", [
    {"\ud800": {"observations": [GOOD]}}, {"data": {"\ud800": {"clientMac": "x"}}},
    {"observations": [GOOD], "\ud800": {"observations": [GOOD]}},
    {"observations": [GOOD | {"\ud800": 1, "report.\ud800": 2}], "\ud800": 3},
])
def test_an_error_whose_name_is_no_unicode_is_told_as_text(report):
    found = judge_delivery(json.dumps(report).encode(), NOW)
    assert found.rejected_count == 1
    (line,) = found.rejected.splitlines()
    assert {"receivedAt", "errors", "report", "observation"} == {*json.loads(line)}
    json.dumps(found.errors)
