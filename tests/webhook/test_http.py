"""The page's table of answers, and bad input, against the application as it is deployed."""
import base64
import gzip
import json
import re
from pathlib import Path

import pytest
from running import AUTHORIZED, SECRET, Answer, wait_until

SAMPLES = Path(__file__).parents[1] / "samples"
GOOD = {"clientMac": "5CB901642E60", "seenEpoch": 1463828775360}
BAD = {"clientMac": "5CB901642E60"}
NO_DATE = {"seenTime": ["One of seenTime and seenEpoch is required."]}
JSON_HEADERS = {"Server": "gunicorn", "Connection": "keep-alive", "Content-Type": "application/json"}
REFUSAL = {"error": "The Authorization header must carry the secret, as in: Authorization: Basic <secret>"}
LIMIT = 1_000_000


def ok(accepted, rejected=0):
    return Answer(200, {"accepted": accepted, "rejected": rejected}, JSON_HEADERS)


def error(status, sentence, **headers):
    more = {"Connection": "close"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": sentence}, JSON_HEADERS | more)


def no_delivery(status, sentence, errors=None):
    errors = errors or {"_schema": [sentence]}
    return Answer(status, {"accepted": 0, "rejected": 1, "error": sentence, "errors": errors}, JSON_HEADERS)


def not_json(reason):
    return no_delivery(400, f"The body is not JSON: {reason}.")


def report(*observations):
    return {"ownerId": 1490, "apMac": "C413E2008040", "observations": list(observations)}


NOT_A_REPORT = "No observation of this delivery is good: see errors."
AUDIT_LOG = json.loads((SAMPLES / "audit_log.json").read_text())

ROWS = {
    "all good": (report(GOOD, GOOD, GOOD), ok(3), (3, 0)),
    "some bad": (report(GOOD, BAD, GOOD), ok(2, 1), (2, 1)),
    "none good": (report(BAD), no_delivery(422, NOT_A_REPORT, {"observations": {"0": NO_DATE}}), (0, 1)),
    "no delivery": (AUDIT_LOG, no_delivery(
        422, NOT_A_REPORT, {"observations": ["Missing data for required field."]}), (0, 1)),
    "empty list": ([], ok(0), (0, 0)),
    "empty data": ({"data": []}, ok(0), (0, 0)),
    "observations null": ({"observations": None}, ok(0), (0, 0)),
    "observations empty": ({"observations": []}, ok(0), (0, 0)),
    "not JSON": (b"{", not_json("Expecting property name enclosed in double quotes at byte 1"), (0, 1)),
    "no body": (b"", not_json("Expecting value at byte 0"), (0, 1)),
    "NaN": (b'{"observations":[{"lat":NaN}]}', not_json("NaN is no JSON value"), (0, 1)),
    "Infinity": (b"[-Infinity]", not_json("-Infinity is no JSON value"), (0, 1)),
    "invalid UTF-8": (b'["\xff"]', not_json("invalid UTF-8 at byte 2"), (0, 1)),
    "control byte": (b'["\x00"]', not_json("Invalid control character at byte 2"), (0, 1)),
    "observation is a list": (report([1]), no_delivery(
        422, NOT_A_REPORT, {"observations": {"0": {"_schema": ["Invalid input type."]}}}), (0, 1)),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_delivery_with_the_secret(name, receiver, stored):
    body, expected, counts = ROWS[name]
    assert receiver.post(body) == expected
    assert stored.counts == counts


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_is_not_judged(content_type, receiver):
    headers = AUTHORIZED | {"Content-Type": content_type}
    assert receiver.post(report(GOOD), headers) == ok(1)


ENCODED = base64.b64encode(f"anyone:{SECRET}".encode()).decode()


@pytest.mark.parametrize("value", [
    f"Basic {SECRET}", f"basic {SECRET}", f"Bearer {SECRET}", SECRET, f"Basic {ENCODED}",
    "Basic früher".encode(), "früher".encode(), b"Basic " + base64.b64encode("x:früher".encode()),
])
def test_every_form_of_the_secret_is_accepted(value, receiver):
    assert receiver.post(report(GOOD), {"Authorization": value}) == ok(1)


@pytest.mark.parametrize("value", [
    None, "", "Basic", "Basic ", f"Basic {SECRET}x", f"Basic {SECRET[:-1]}", f"Digest {SECRET}", ENCODED,
    "Basic früher", b"Basic \xff\xfe", "Basic =", f"Bearer {ENCODED}",
])
def test_all_else_is_refused_with_one_answer(value, receiver, stored):
    headers = {} if value is None else {"Authorization": value}
    refused = error(401, REFUSAL["error"], WWW_Authenticate='Basic realm="presence"')
    assert receiver.post(report(GOOD), headers) == refused
    assert stored.counts == (0, 0)


def test_the_body_of_a_stranger_is_not_read(receiver):
    headers = "POST /presence HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    assert receiver.raw(headers.encode()).status == 401


def too_large(size):
    return error(413, f"The body has {size} bytes or more; PRESENCE_MAX_BODY_BYTES allows {LIMIT}.")


def chunks(body, size=10_000):
    return (body[start:start + size] for start in range(0, len(body), size))


def test_a_body_over_the_limit(receiver, stored):
    over = b" " * (LIMIT + 1)
    expected = too_large(LIMIT + 1)
    zipped = AUTHORIZED | {"Content-Encoding": "gzip"}
    found = [receiver.post(over), receiver.post(chunks(over)), receiver.post(gzip.compress(over), zipped)]
    assert [it._replace(headers={}) for it in found] == [expected._replace(headers={})] * 3
    assert stored.counts == (0, 0)
    assert f"refused with 413: {expected.json['error']}" in receiver.text()


def test_a_body_at_the_limit(receiver, stored):
    body = json.dumps(report(GOOD)).encode()
    whole = body + b" " * (LIMIT - len(body))
    zipped = AUTHORIZED | {"Content-Encoding": "gzip"}
    found = [receiver.post(whole), receiver.post(chunks(whole)), receiver.post(gzip.compress(whole), zipped)]
    assert found == [ok(1)] * 3


def test_a_gzip_bomb_is_not_inflated(receiver):
    bomb = gzip.compress(b"\0" * 90_000_000)
    before = receiver.memory("VmHWM")
    assert receiver.post(bomb, AUTHORIZED | {"Content-Encoding": "gzip"}).status == 413
    assert receiver.memory("VmHWM") - before < 30_000_000


def test_gzip_that_is_not_whole(receiver, stored):
    body = gzip.compress(json.dumps(report(GOOD)).encode())[:-9]
    expected = no_delivery(400, "The body is not whole gzip, though Content-Encoding says so.")
    assert receiver.post(body, AUTHORIZED | {"Content-Encoding": "gzip"}) == expected
    (line,) = stored.rejected
    assert base64.b64decode(line["bodyBase64"]) == body


@pytest.mark.parametrize("encoding", ["identity", "gzip", " GZIP"])
def test_encodings_that_are_taken(encoding, receiver):
    body = json.dumps(report(GOOD)).encode()
    body = body if encoding == "identity" else gzip.compress(body)
    assert receiver.post(body, AUTHORIZED | {"Content-Encoding": encoding}) == ok(1)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_encodings(encoding, receiver, stored):
    found = receiver.post(report(GOOD), AUTHORIZED | {"Content-Encoding": encoding})
    assert found == error(415, "Content-Encoding must be gzip or identity.")
    assert stored.counts == (0, 0)
    assert "refused with 415: Content-Encoding must be gzip or identity." in receiver.text()


@pytest.mark.parametrize("method, path, allowed", [
    ("GET", "/presence", {"POST"}), ("PUT", "/presence", {"POST"}), ("DELETE", "/presence", {"POST"}),
    ("OPTIONS", "/presence", {"POST"}), ("POST", "/", {"GET", "HEAD"}),
])
def test_other_methods(method, path, allowed, receiver):
    found = receiver.request(method, path, headers=AUTHORIZED)
    sentence = f"This path takes {' and '.join(sorted(allowed))} alone; deliveries go to POST /presence."
    assert set(found.headers.pop("Allow").split(", ")) == allowed
    assert found == error(405, sentence)


@pytest.mark.parametrize("path", ["/nothing", "/presence/", "/Presence", "/static/x"])
def test_other_paths(path, receiver):
    expected = error(404, "There is nothing at this path; deliveries go to POST /presence.")
    assert receiver.request("POST", path, b"{}", AUTHORIZED) == expected


def test_the_root_answers_a_person_who_tests_tls(receiver):
    assert receiver.request("GET", "/") == Answer(200, {"service": "presence-receiver"}, JSON_HEADERS)
    assert receiver.request("HEAD", "/").status == 200


# Bad input: no 500, the worker lives (the fixture sees to both), and what was authenticated is kept.

def nested(depth, opening=b"[", closing=b"]"):
    return opening * depth + closing * depth


DEPTHS = [100_000, *range(900, 1_101, 20), 976, 977, 978, 979]


@pytest.mark.parametrize("body", [
    *(pytest.param(nested(depth), id=f"lists {depth}") for depth in DEPTHS),
    *(pytest.param(nested(depth, b'{"data":', b"}").replace(b":}", b":1}"), id=f"data {depth}") for depth in DEPTHS),
    *(pytest.param(b'{"observations":[{"clientMac":"5CB901642E60","seenEpoch":1,"new":' + nested(depth) + b"}]}",
                   id=f"field {depth}") for depth in DEPTHS),
    *(pytest.param(b'{"new":' + nested(depth) + b',"observations":[{"clientMac":"5CB901642E60","seenEpoch":1}]}',
                   id=f"report field {depth}") for depth in DEPTHS),
])
def test_nested_deep(body, receiver, stored):
    found = receiver.post(body)
    counts = (found.json["accepted"], found.json["rejected"])
    assert (found.status, counts) in [(200, (1, 0)), (422, (0, 1)), (400, (0, 1))]
    assert stored.counts == counts
    if found.status == 400:
        assert stored.rejected[0]["body"].encode() == body


@pytest.mark.parametrize("field", [
    b'"seenEpoch":1' + b"0" * 400, b'"seenEpoch":1e999', b'"seenEpoch":18446744073709551616', b'"lat":-1e999',
    b'"new":1e999', b'"new":1' + b"0" * 400, b'"new":{"deep":[1e999]}', b'"new":"\\ud800"', b'"\\udc00":1',
    b'"ownerId":1e999', b'"deviceObservers":[{"\\udc00":1}]', b'"os":"\\udfff"', b'"x":1' + b"0" * 400,
])
def test_what_cannot_be_stored_costs_only_its_own_observation(field, receiver, stored):
    good = b'{"clientMac":"5CB901642E60","seenEpoch":1463828775360}'
    bad = good[:-1] + b"," + field + b"}"
    assert receiver.post(b'{"observations":[%s,%s,%s]}' % (good, bad, good)) == ok(2, 1)
    assert stored.counts == (2, 1)


def test_a_lone_surrogate_among_good_observations(receiver, stored):
    seen = [GOOD | {"ssid": "a"}, GOOD | {"ssid": "b\ud800"}, GOOD | {"ssid": "c😀"}]
    assert receiver.post(report(*seen)) == ok(2, 1)
    assert [line["ssid"] for line in stored.lines] == ["a", "c😀"]


def test_an_escaped_nul_is_kept(receiver, stored):
    assert receiver.post(report(GOOD | {"ssid": "a\0b"})) == ok(1)
    assert stored.lines[0]["ssid"] == "a\0b"


def test_the_last_of_duplicate_keys_wins(receiver, stored):
    seen = b'{"clientMac":"5CB901642E60","seenEpoch":1,"rssi":-1,"rssi":-2,"new":1,"new":2}'
    assert receiver.post(b'{"ownerId":1,"observations":[],"observations":[%s],"ownerId":2}' % seen) == ok(1)
    assert (stored.lines[0]["ownerId"], stored.lines[0]["rssi"], stored.lines[0]["new"]) == (2, -2, 2)


HEAD = f"POST /presence HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {SECRET}\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def test_a_body_shorter_than_announced(receiver, stored):
    expected = no_delivery(400, "The body broke off after 8 of 100 bytes.")
    found = receiver.raw(HEAD + b"Content-Length: 100\r\n\r\n" + b'[{"half"')
    assert (found.status, found.json) == (400, expected.json)
    assert [line["body"] for line in stored.rejected] == ['[{"half"']


@pytest.mark.parametrize("framed, came", [
    (b"5\r\n[1,2]", "[1,2]"), (b"5\r\n[1,2]XX\r\n0\r\n\r\n", "[1,2]"), (b"3\r\n[1,\r\nzz\r\n", "[1,"),
    (b"9\r\n[1,", "[1,"), (b"2\r\n[]\r\n", "[]"), (b"2\r\n[]\r\n0\r\n", "[]"), (b"-1\r\n[]\r\n", ""),
    (b"3\r\n[1,\r\n2\r\n2]\r\n0\r\nbad trailer\r\n\r\n", "[1,2]"),
])
def test_broken_chunk_framing(framed, came, receiver, stored):
    found = receiver.raw(CHUNKED + framed)
    expected = no_delivery(400, "The body is wrongly framed or broke off.")
    assert (found.status, found.json) == (400, expected.json)
    assert [line["body"] for line in stored.rejected] == [came]


@pytest.mark.parametrize("lines", [
    b"Content-Length: -1\r\n", b"Content-Length: x\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n", b"Broken\r\n",
    b"X: " + b"x" * (1 << 20) + b"\r\n", b"X: x\r\n" * 70_000,
])
def test_what_gunicorn_itself_refuses(lines, receiver, stored):
    found = receiver.raw(HEAD + lines + b"\r\n[]")
    assert 400 <= found.status < 500 or found.status == 501
    assert stored.counts == (0, 0)


def test_headers_as_long_as_the_vendor_sends_them(receiver):
    headers = AUTHORIZED | {"Accept-Charset": "x" * 3_000, "User-Agent": "Java/1.7.0_80"}
    assert receiver.post(report(GOOD), headers) == ok(1)


def test_a_delivery_answers_twenty_errors_and_the_file_has_all(receiver, stored):
    found = receiver.post(report(*[BAD] * 30))
    assert (found.status, found.json["rejected"], len(found.json["errors"]["observations"])) == (422, 30, 20)
    assert stored.counts == (0, 30)


@pytest.mark.parametrize("headers", [
    {"X-Forwarded-Proto": "https", "X-Forwarded-Protocol": "http", "X-Forwarded-SSL": "off"},
    {"SCRIPT_NAME": "/elsewhere", "PATH_INFO": "/elsewhere"},
])
def test_what_a_proxy_says_of_scheme_and_path_changes_nothing(headers, receiver, stored):
    assert receiver.post(json.dumps(report(GOOD)).encode(), AUTHORIZED | headers).status == 200
    assert stored.counts == (1, 0)


def test_the_log_tells_what_was_asked_and_no_secret(receiver):
    headers = AUTHORIZED | {"X-Request-ID": "f3a1", "X-Unlucky": "do not tell"}
    receiver.request("POST", "/presence?token=do-not-tell", json.dumps(report(GOOD)).encode(), headers)
    line = json.loads(wait_until(lambda: re.search(r"^.*f3a1.*$", receiver.text(), re.MULTILINE), what="the log")[0])
    assert line.pop("time") and line.pop("milliseconds") >= 0
    assert line == {
        "level": "INFO", "logger": "gunicorn.access", "message": "POST /presence 200", "method": "POST",
        "path": "/presence", "status": 200, "bytes": 28, "request_id": "f3a1",
    }
    assert [word for word in (SECRET, "do not tell", "do-not-tell", "5CB901642E60") if word in receiver.text()] == []


def test_the_secret_works_by_its_previous_value_too(start):
    one = start(PREVIOUS_SECRET="the old one", SECRET="Größe🔑")
    values = ["Basic Größe🔑".encode(), b"Basic the old one", b"Basic " + base64.b64encode("a:Größe🔑".encode())]
    assert [one.post([], {"Authorization": value}).status for value in values] == [200] * 3
    assert one.post([], AUTHORIZED).status == 401
