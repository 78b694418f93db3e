"""A real receiver with the key: nothing of an address in its files, its log, its answers and its metrics."""
import gzip
import json

from devices import ACCEPTED, DEVICES, NOTATIONS, found_in
from judging import GOOD, report
from running import AUTHORIZED

KEY = "a key that nobody guesses"


def deliveries():
    """Bodies of every kind and shape, with an address in each."""
    for notation in NOTATIONS.values():
        for digits in DEVICES:
            sent = notation(digits)
            seen = GOOD | {"clientMac": sent}
            for delivery in (report(seen), [report(seen, apMac="C413E2008040")], {"data": report(GOOD, more=sent)},
                             {"data": [report(GOOD | {"rssi": sent})]}, [sent], {"error": {sent: [sent]}}):
                body = json.dumps(delivery).encode()
                yield body, AUTHORIZED
            yield body[:-1], AUTHORIZED
            yield b"\xff" + body, AUTHORIZED
            yield gzip.compress(body), AUTHORIZED | {"Content-Encoding": "gzip"}
            yield gzip.compress(body)[:-4], AUTHORIZED | {"Content-Encoding": "gzip"}
            yield body, {"Authorization": "Basic wrong"}


def test_no_address_is_anywhere(start):
    one = start(MAC_KEY=KEY, METRICS_TOKEN="metrics-token", ROTATE_BYTES=50_000)
    answers = [one.post(body, headers) for body, headers in deliveries()]
    assert {answer.status for answer in answers} == {200, 400, 401, 422}
    metrics = one.raw(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer metrics-token\r\n\r\n")
    assert metrics.status == 200
    one.request("POST", f"/presence?device={DEVICES[0]}", b"[]", AUTHORIZED)
    assert one.stop() == 0
    files = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
             for path in one.folder.iterdir()]
    everything = b"".join(files) + json.dumps([answer[1:] for answer in answers]).encode() + one.log.read_bytes()
    assert [digits for digits in DEVICES if found_in(everything, digits)] == []
    accepted = len(ACCEPTED) + 1  # 16 digits, as of an EUI-64, pass for a digest
    lines = [line for line in b"".join(files).splitlines() if b'"seenTime"' in line]
    assert len(lines) == len(DEVICES) * (2 * accepted + len(NOTATIONS))
