"""The fast path against the schemas, by example and by property: both ways that matter."""
import json
import os
import string

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from presence_receiver.as_sent import AS_SENT
from presence_receiver.budgets import Budget
from presence_receiver.validation import fast_path, observation, slow_path
from presence_receiver.validation.judge import judge_delivery
from presence_receiver.validation.slow_path import Rejected

NOW = "2026-11-22T20:15:00.123456Z"
EXAMPLES = settings(
    max_examples=int(os.environ.get("PRESENCE_TEST_EXAMPLES", "100")), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

macs = st.text("0123456789abcdefABCDEF", min_size=12, max_size=12)
instants = st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds"))
numbers = st.integers(-2**63, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5,
)
observers = st.fixed_dictionaries({"apMac": macs, "rssi": st.integers(-128, 127)}, optional={
    "locationIdHierarchy": st.lists(st.integers(0, 2**63 - 1), max_size=3), "name": texts,
})


def or_none(strategy):
    return st.none() | strategy


def coordinates(least, most):
    words = st.sampled_from(["NaN", "Infinity", "-Infinity"])
    return or_none(st.integers(least, most) | st.floats(least, most) | words)


times = st.builds(str.__add__, instants, st.sampled_from(["Z", "+0000", "+00:00"]))
epochs = st.integers(-2**63, 2**63 - 1)
dated = st.fixed_dictionaries({"seenTime": times}, optional={"seenEpoch": epochs | st.none()}) | st.fixed_dictionaries(
    {"seenEpoch": epochs}, optional={"seenTime": st.none()})
usual = st.builds(dict.__or__, dated, st.fixed_dictionaries({"clientMac": macs}, optional={
    "ipv4": or_none(st.ip_addresses(v=4).map(str)), "ipv6": or_none(st.ip_addresses(v=6).map(str)),
    "rssi": or_none(st.integers(-128, 127)),
    "ssid": or_none(texts),
    "manufacturer": or_none(texts), "os": or_none(texts), "lat": coordinates(-90, 90), "lng": coordinates(-180, 180),
    "unc": coordinates(0, 10**6), "x": coordinates(-10**6, 10**6), "y": coordinates(-10**6, 10**6),
    "deviceObservers": st.lists(observers, max_size=3), "ownerId": or_none(texts), "apMac": or_none(macs),
}))
names = (
    st.sampled_from([*observation.Observation.__struct_fields__, "vlan"]) | st.text(string.ascii_letters, min_size=1)
)
odd = or_none(values) | macs | instants | st.sampled_from(["NaN", "1.2.3.4", "::1", "01.2.3.4", "2016-02-30T00:00:00Z"])
anything = st.builds(dict.__or__, usual, st.dictionaries(names, odd, max_size=3))


def nearly(text):
    """The text with up to two characters that may not belong there."""
    changes = st.lists(st.tuples(st.integers(0, len(text) - 1), st.sampled_from("019aFgTZ:-.+ \n٣")), max_size=2)
    return changes.map(lambda found: "".join(dict(found).get(at, known) for at, known in enumerate(text)))


nearly_good = st.fixed_dictionaries({
    "clientMac": nearly("5CB901642E60") | nearly("5C:B9:01:64:2E:60") | nearly("5CB901642E605CB901642E60"),
    "seenTime": nearly("2016-02-29T11:06:15.360Z") | nearly("2016-05-21T11:06:15Z") | st.from_regex(
        r"(?a:(0000|19\d\d|20\d\d)-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d\.\d{3}Z)\Z", fullmatch=True),
})


def body(*observations, **report):
    return json.dumps([{**report, "observations": observations}]).encode()


def by_schemas(monkeypatch, observations, **report):
    """Return what the slow path makes of a report when the fast one accepts nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(fast_path, "accepted", lambda objects: [None] * len(objects))
        slow = slow_path.SlowReport({**report, "observations": list(observations)}, NOW, None, Budget(), AS_SENT)
        for step in slow.look, slow.accept, slow.judge:
            step()
        return [*slow.verdicts()]


def is_fast(observation):
    try:
        return fast_path.are_good(fast_path._decoded(msgspec.Raw(json.dumps([observation]).encode()), Budget()))
    except fast_path.REFUSALS:
        return False


@EXAMPLES
@given(observation=usual)
def test_what_hivemanager_normally_sends_is_fast(observation):
    assert is_fast(observation)


@EXAMPLES
@given(observations=st.lists(usual | anything, min_size=1, max_size=4), owner_id=scalars)
def test_both_judges_make_the_same_lines_to_the_byte(monkeypatch, observations, owner_id):
    slow = by_schemas(monkeypatch, observations, ownerId=owner_id, apMac="C413E2008040")
    fast = judge_delivery(body(*observations, ownerId=owner_id, apMac="C413E2008040"), NOW)
    assert fast.lines.splitlines(keepends=True) == [each for each in slow if not isinstance(each, Rejected)]
    assert fast.rejected.splitlines(keepends=True) == [each.line for each in slow if isinstance(each, Rejected)]


@EXAMPLES
@given(observations=st.lists(nearly_good, min_size=1, max_size=4), ap_mac=nearly("C413E2008040"))
def test_one_wrong_character_makes_no_difference_between_the_judges(monkeypatch, observations, ap_mac):
    slow = by_schemas(monkeypatch, observations, apMac=ap_mac)
    fast = judge_delivery(body(*observations, apMac=ap_mac), NOW)
    assert fast.lines.splitlines(keepends=True) == [each for each in slow if not isinstance(each, Rejected)]
    assert fast.rejected_count == sum(isinstance(each, Rejected) for each in slow)


@EXAMPLES
@given(observations=st.lists(anything, max_size=5))
def test_whatever_is_accepted_keeps_its_values_and_the_rest_is_in_the_rejected_file(observations):
    judged = judge_delivery(body(*observations), NOW)
    lines = [json.loads(line) for line in judged.lines.splitlines()]
    rejected = [json.loads(line) for line in judged.rejected.splitlines()]
    assert (len(lines), len(rejected)) == (judged.accepted_count, judged.rejected_count)
    refused = [line["observation"] for line in rejected]
    accepted = [seen for seen in observations if seen not in refused]
    assert [expected(seen) for seen in accepted] == [sent(line) for line in lines]
    assert len(accepted) + len(refused) == len(observations) or len(refused) < len(observations)


def expected(seen):
    """What of an observation its line has to show: all that is not null and no word for no number."""
    def is_no_number(name, value):
        return name in observation.COORDINATES and value in ("NaN", "Infinity", "-Infinity")
    return {"sent.receivedAt" if name == "receivedAt" else name: value for name, value in seen.items()
            if value is not None and not is_no_number(name, value)}


def sent(line):
    return {name: value for name, value in line.items() if value is not None and name != "receivedAt"}


@EXAMPLES
@given(junk=values | st.lists(values) | st.dictionaries(texts, values))
def test_no_json_whatever_breaks_the_judge(junk):
    judged = judge_delivery(json.dumps(junk).encode(), NOW)
    assert judged.lines.count(b"\n") == judged.accepted_count
    assert judged.rejected.count(b"\n") == judged.rejected_count


@EXAMPLES
@given(junk=st.binary(max_size=200))
def test_no_bytes_whatever_break_the_judge(junk):
    judged = judge_delivery(junk, NOW)
    for line in judged.rejected.splitlines():
        json.loads(line)


@EXAMPLES
@given(observation=usual, unknown=st.dictionaries(st.text("abc-_. 1é").map("z".__add__), texts | numbers))
def test_a_field_that_nobody_has_documented_does_not_make_an_observation_slow(observation, unknown):
    assert is_fast(observation | unknown)


def test_unknown_fields_have_the_order_in_which_their_report_first_has_them():
    first, second = {"clientMac": "5CB901642E60", "seenEpoch": 1, "a": 1, "b": 2}, {"b": 2, "a": 1, "seenEpoch": 1}
    observations = first, second | {"clientMac": "5CB901642E60"}, second | {"c": 3}, {"c": 3, **first}
    judged = judge_delivery(body(*observations), NOW)
    lines = [json.loads(line) for line in judged.lines.splitlines()]
    assert [list(line)[17:] for line in lines] == [["a", "b"], ["a", "b"], ["a", "b", "c"]]


@pytest.mark.parametrize("observation", [
    {"clientMac": "5CB901642E60", "seenEpoch": 1, "deep": [[[1]]]},
    {"clientMac": "5CB901642E60", "seenEpoch": 2**63},
    {"clientMac": "5CB901642E60", "seenEpoch": 1, "ipv6": "fe80::1%eth0"},
])
def test_some_rare_good_observations_are_left_to_the_schemas(observation):
    assert not is_fast(observation)
    assert judge_delivery(body(observation), NOW).accepted_count == 1
