"""With the key set no raw address is in any file, answer, log line or metric, whatever the body is like."""
import gzip
import json
import logging
import os

import pytest
from devices import ACCEPTED, DEVICES, NOTATIONS, found_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import NOW

from presence_receiver import create_app
from presence_receiver.budgets import Budget
from presence_receiver.extras.privacy.pseudonyms import Pseudonyms
from presence_receiver.validation import judge_delivery

EXAMPLES = settings(
    max_examples=int(os.environ.get("PRESENCE_TEST_EXAMPLES", "100")), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
KEY = "a key that nobody guesses"

addresses = st.builds(lambda digits, notation: NOTATIONS[notation](digits),
                      st.sampled_from(DEVICES), st.sampled_from([*NOTATIONS]))
good = st.builds(lambda digits, notation: NOTATIONS[notation](digits),
                 st.sampled_from(DEVICES), st.sampled_from(ACCEPTED))
scalars = addresses | st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(
    ["", "é", "a\u0000b", "\ud800", "\\"])
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(addresses | st.sampled_from("ab"), inner, max_size=3), max_leaves=6)
names = addresses | st.sampled_from(["vlan", "clientMac", "report.ssid", "randomised", "unknown0", "receivedAt"])
observations = st.fixed_dictionaries({"clientMac": good | addresses | values, "seenEpoch": st.just(1)}, optional={
    "apMac": st.sampled_from(["C413E2008040", None]), "ssid": addresses | values, "os": addresses, "ipv6": addresses,
    "manufacturer": addresses, "rssi": st.sampled_from([-60, "weak"]), "ownerId": values, "seenTime": addresses,
    "deviceObservers": st.lists(
        st.fixed_dictionaries({"apMac": st.just("C413E2008040")}, optional={"seen": addresses})),
})
observations = st.builds(lambda more, seen: {**more, **seen}, st.dictionaries(names, values, max_size=2), observations)
reports = st.builds(
    lambda fields, each: {**fields, "observations": each},
    st.dictionaries(names | st.just("ownerId"), values, max_size=2)
    | st.just({"apMac": "C413E2008040"}), st.lists(observations | values, max_size=3) | values)
deliveries = reports | st.lists(reports | values, max_size=3) | values | st.builds(
    lambda fields, data: {**fields, "data": data}, st.dictionaries(names, values, max_size=2),
    reports | st.lists(reports | values, max_size=2))


def as_json(delivery, is_escaped):
    """JSON; `is_escaped` writes every digit of it as an escape."""
    text = json.dumps(delivery)
    return "".join(f"\\u{ord(char):04x}" if is_escaped and char in "5cC" and was != "\\" else char
                   for was, char in zip(" " + text, text)).encode() if is_escaped else text.encode()


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


bodies = st.builds(lambda delivery, is_escaped: text if is_json(text := as_json(delivery, is_escaped))
                   else as_json(delivery, False), deliveries, st.booleans())
broken = st.builds(lambda body, end: body[:-1] + end, bodies, st.sampled_from([b"", b"\xff", b"}", b" NaN", b"\0"]))


def assert_clean(content):
    assert [digits for digits in DEVICES if found_in(content, digits)] == [], content


@EXAMPLES
@given(bodies, st.sampled_from([{}, {"seconds": 0}, {"size": 0}, {"parts": 3}, {"parts": 20}]))
def test_none_is_in_what_the_judge_makes_of_a_body(body, budget):
    judged = judge_delivery(body, NOW, Budget(**budget), Pseudonyms(KEY, ()))
    assert_clean(judged.lines + judged.rejected + json.dumps([judged.errors, judged.error]).encode())
    for line in [*judged.lines.splitlines(), *judged.rejected.splitlines()]:
        assert json.loads(line)


@EXAMPLES
@given(bodies)
def test_all_that_is_counted_without_the_key_is_counted_with_it(body):
    """But that a pseudonym is a good clientMac and apMac where some notation of an address is none."""
    plain, hidden = judge_delivery(body, NOW), judge_delivery(body, NOW, None, Pseudonyms(KEY, ()))
    assert (hidden.accepted_count, hidden.rejected_count) == (plain.accepted_count, plain.rejected_count)
    assert hidden.lines.count(b"\n") == plain.lines.count(b"\n")


@EXAMPLES
@given(broken)
def test_none_is_in_what_is_kept_of_a_body_that_is_no_json(body):
    judged = judge_delivery(body, NOW, None, Pseudonyms(KEY, ()))
    assert_clean(judged.rejected + judged.error.encode())


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("private") / "data"
    app = create_app({
        "PRESENCE_SECRET": "hunter22", "PRESENCE_DATA_DIR": folder, "PRESENCE_MAC_KEY": KEY, "PRESENCE_FSYNC": False,
        "PRESENCE_METRICS_TOKEN": "metrics-token"})
    with app.test_client() as client:
        client.folder = folder
        yield client


def everything_in(folder):
    return b"".join(path.name.encode() + path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@EXAMPLES
@given(bodies | broken)
def test_none_is_in_any_file_answer_or_log_line(client, caplog, body):
    caplog.set_level(logging.DEBUG)
    for path in client.folder.glob("*.jsonl"):
        path.unlink()
    answer = client.post("/presence", data=body, headers={"Authorization": "Basic hunter22"})
    assert answer.status_code in (200, 400, 422)
    assert_clean(answer.data + str(answer.headers).encode() + caplog.text.encode())
    if client.folder.exists():
        assert_clean(everything_in(client.folder))


@pytest.mark.parametrize("body, headers", [
    (gzip.compress(DEVICES[0].encode())[:-3], {"Content-Encoding": "gzip"}), (DEVICES[0].encode(), {}),
    (json.dumps({"observations": [{"clientMac": DEVICES[0], "seenEpoch": 1}]}).encode()[:-2], {}),
], ids=["broken gzip", "no JSON", "broken off"])
def test_of_a_body_that_cannot_be_read_only_its_size_and_its_fault_are_kept(client, body, headers):
    answer = client.post("/presence", data=body, headers={"Authorization": "Basic hunter22", **headers})
    assert (answer.status_code, answer.json["rejected"]) == (400, 1)
    line = json.loads((client.folder / "rejected.jsonl").read_bytes().splitlines()[-1])
    assert {**line, "receivedAt": NOW, "errors": {}} == {
        "receivedAt": NOW, "errors": {}, "bodyBytes": len(body), "pseudonym": True}
    assert line["errors"] == {"_schema": [answer.json["error"]]}


def test_none_is_in_the_metrics(client):
    page = client.get("/metrics", headers={"Authorization": "Bearer metrics-token"})
    assert page.status_code == 200
    assert_clean(page.data)
