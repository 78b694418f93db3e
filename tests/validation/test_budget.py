"""What a costly delivery gets: all lines that are cheap, and the rest kept for replay, each observation once."""
import json
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from presence_receiver import budgets
from presence_receiver.budgets import Budget
from presence_receiver.extras.replay import rejected_line
from presence_receiver.lines import UNJUDGED
from presence_receiver.validation.judge import judge_delivery

NOW = "2026-11-22T20:15:00.123456Z"
GOOD = {"clientMac": "5CB901642E60", "seenEpoch": 1463828775360}
SLOW = GOOD | {"ipv6": "fe80::1%eth0"}
BAD = {"clientMac": "x"}
EXAMPLES = settings(
    max_examples=int(os.environ.get("PRESENCE_TEST_EXAMPLES", "100")), deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def judged(delivery, **budget):
    return judge_delivery(json.dumps(delivery).encode(), NOW, Budget(**budget))


def counts(found):
    return found.accepted_count, found.rejected_count, found.unjudged_count


def lines(found):
    return [json.loads(line) for line in found.lines.splitlines()]


def rejected(found):
    return [json.loads(line) for line in found.rejected.splitlines()]


def report(*observations, **fields):
    return {"observations": list(observations), **fields}


def test_what_is_fast_costs_nothing_and_comes_first_wherever_it_stands():
    assert counts(judged([report(BAD, SLOW, GOOD), report(GOOD, GOOD)], seconds=0)) == (2, 0, 3)
    assert counts(judged([report(BAD, SLOW, GOOD), report(GOOD, GOOD)], seconds=1e-9)) == (3, 0, 2)


def test_the_budget_ends_within_a_report_and_its_line_has_what_is_left_alone():
    found = judged(report(GOOD, *[BAD] * 200_000, GOOD | {"rssi": 1}, apName="Lobby"), seconds=0.05)
    assert found.accepted_count == 2
    assert 0 < found.rejected_count < 20_000
    assert found.rejected_count + found.unjudged_count == 200_000
    *_, line = rejected(found)
    assert line["errors"] == {"_schema": [UNJUDGED]}
    assert line["report"] == {"apName": "Lobby", "observations": [BAD] * found.unjudged_count}
    assert (line["observation"], line["receivedAt"]) == (None, NOW)


def test_of_several_reports_one_line_keeps_what_is_left():
    found = judged([report(GOOD), report(BAD, ownerId=1), report(SLOW, ownerId=2)], seconds=0)
    (line,) = rejected(found)
    assert line["report"] == [report(BAD, ownerId=1), report(SLOW, ownerId=2)]
    assert counts(found) == (1, 0, 2)
    (line,) = rejected(judged([report(BAD), 5], seconds=0))
    assert line["report"] == [report(BAD), 5]


@pytest.mark.parametrize("field", ["apName", "ownerId", "apMac"])
def test_lines_of_a_large_field_end_with_the_bytes_of_the_budget(field):
    body = json.dumps(report(*[GOOD] * 4000, **{field: "a" * 1_000_000})).encode()
    found = judge_delivery(body, NOW, budgets.for_body(len(body)))
    assert len(found.lines) + len(found.rejected) < 2 * budgets.TIMES_ITS_BODY * len(body)
    assert found.accepted_count + found.rejected_count + found.unjudged_count == 4000
    assert 1 < found.accepted_count + found.rejected_count < 20


def test_the_shortest_observations_that_fill_a_body_are_within_the_bytes():
    body = json.dumps(report(*[GOOD] * 20_000, ownerId=1490, apMac="C413E2008040")).encode()
    assert counts(judge_delivery(body, NOW, budgets.for_body(len(body)))) == (20_000, 0, 0)


@pytest.mark.parametrize("body, count", [
    (b'{"observations":[' + b"{}," * 500 + b"{}]}", 1), (b"[" + b"{}," * 500 + b"{}]", 1),
    (b'{"observations":[' + b"0," * 500 + b"0]}", 1), (b'{"observations":[{"a":[' + b"0," * 500 + b"0]}]}", 1),
    (b'{"ownerId":[' + b"0," * 500 + b'0],"observations":[{}]}', 1), (b"[" * 500, 1),
    (b"{" + b",".join(b'"%d":0' % number for number in range(500)) + b"}", 1),
    (b'{"observations":[{"ssid":"\\ud800","a":[' + b"0," * 500 + b"0]}]}", 1),
    (b'{"a":"\\ud800","b":[' + b"0," * 500 + b"0]}", 1),
])
def test_what_has_too_many_parts_is_kept_unjudged_and_never_decoded_whole(body, count):
    found = judge_delivery(body, NOW, Budget(parts=100))
    assert counts(found) == (0, 0, count)
    (line,) = rejected(found)
    assert line["errors"] == {"_schema": [UNJUDGED]}
    kept = json.dumps(line["report"]).encode() if "report" in line else line["body"].encode()
    assert kept.replace(b" ", b"") == body


def test_a_body_of_good_observations_may_have_any_number_of_parts_and_one_bad_one():
    assert counts(judged(report(*[GOOD] * 90), parts=100)) == (90, 0, 0)
    assert counts(judged(report(*[GOOD] * 90, BAD), parts=100)) == (90, 1, 0)
    assert counts(judged({"data": [report(*[GOOD] * 90), report(BAD)]}, parts=100)) == (90, 1, 0)


def test_what_is_kept_unjudged_is_one_line_of_unicode():
    body = b'{"observations":\n[\n{"clientMac":\r\n"x"}]}'
    (line,) = judge_delivery(body, NOW, Budget(seconds=0)).rejected.splitlines()
    assert json.loads(line)["report"] == report(BAD)
    body = b'{"observations":[{"clientMac":"\xff"}]}'
    found = judge_delivery(body, NOW, Budget(seconds=0))
    assert (found.is_readable, counts(found)) == (False, (0, 1, 0))


@pytest.mark.parametrize("turn_seconds, least, most", [(0, 2_000, 3_000), (60, 0, 0)])
def test_others_go_on_after_each_observation_once_a_turn_is_over(monkeypatch, turn_seconds, least, most):
    turns = []
    monkeypatch.setattr(budgets, "TURN_SECONDS", turn_seconds)
    monkeypatch.setattr(time, "sleep", turns.append)
    judge_delivery(json.dumps(report(*[BAD] * 2_000)).encode(), NOW, Budget(rests=True))
    assert least <= len(turns) <= most


def test_replay_judges_without_a_budget_what_was_kept():
    found = judged(report(GOOD, SLOW, BAD, apName="Lobby"), seconds=0)
    *_, line = found.rejected.splitlines(keepends=True)
    again = rejected_line.judged(line)
    assert counts(again) == (found.unjudged_count - 1, 1, 0)
    assert {line["receivedAt"] for line in lines(again)} == {NOW}
    assert counts(rejected_line.judged(judged(report(BAD, BAD), seconds=0).rejected)) == (0, 2, 0)
    whole = judge_delivery(b'[{"observations":[{"clientMac":"x"},{}]},7]', NOW, Budget(parts=3)).rejected
    assert counts(rejected_line.judged(whole)) == (0, 3, 0)


kinds = st.sampled_from([GOOD, SLOW, BAD, GOOD | {"z": [[1]]}, GOOD | {"ssid": "\ud800"}, 5, {}])
reports = st.builds(lambda seen, own: own | {"observations": seen}, st.lists(kinds, max_size=5), st.sampled_from(
    [{}, {"apName": "Lobby"}, {"ownerId": {"a": 1}}, {"apMac": "x"}]))


@EXAMPLES
@given(delivery=reports | st.lists(reports | st.just(5), max_size=4),
       seconds=st.sampled_from([0, 1e-5, 1e-4, 5e-4, 1e-3]), size=st.integers(0, 5_000))
def test_judged_and_replayed_gives_what_judging_without_a_budget_gives(delivery, seconds, size):
    numbered = json.dumps(delivery)
    first = judge_delivery(numbered.encode(), NOW, Budget(seconds=seconds, size=size))
    *bad, left = [b"", *first.rejected.splitlines(keepends=True)] if first.unjudged_count else \
        [*first.rejected.splitlines(keepends=True), b""]
    again = rejected_line.judged(left) if left else judge_delivery(b"[]", NOW)
    whole = judge_delivery(numbered.encode(), NOW)
    assert first.accepted_count + again.accepted_count == whole.accepted_count
    assert first.rejected_count + again.rejected_count == whole.rejected_count
    assert sorted((first.lines + again.lines).splitlines()) == sorted(whole.lines.splitlines())


@pytest.mark.parametrize("count", [4_000, 12_000])
def test_bytes_end_the_lines_of_fast_observations_too(count):
    found = judged(report(*[GOOD] * count, ownerId=1490), size=500_000)
    assert len(found.lines) < 800_000
    assert 0 < found.accepted_count < count == found.accepted_count + found.unjudged_count
