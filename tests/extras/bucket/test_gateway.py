"""A gateway that misbehaves: an answer in time, the right sentence, and well again without a restart."""
import json
import threading
import time

import pytest
from buckets import Gateway
from certificates import Certificate, context
from reading import lines
from running import wait_until

IN_TIME = 4.5 + 0.2
CHECK = "check the variables of its provider (AWS_ACCESS_KEY_ID, say)"
SENTENCES = {
    "hang": "did not answer in time",
    "reset": "broke off",
    500: "answered with status 500",
    "slow down": "answered with status 503",
    403: f"refuses our credentials: {CHECK}",
    404: "does not exist",
    "page": "does not answer as a bucket does: check its endpoint",
}


@pytest.fixture
def receiver(start, store, behind, tmp_path):
    return start(tmp_path / "none", variables=behind, BUCKET_URL=store.url, workers=1)


def timed(receiver, report):
    begun = time.monotonic()
    answer = receiver.post([report])
    return answer, time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.parametrize("mode", SENTENCES)
def test_a_503_in_time_and_again_200(mode, receiver, gateway, deliveries, collect):
    first, second, third = deliveries(3)
    assert receiver.post([first]).status == 200
    gateway.mode = mode
    refused, seconds = timed(receiver, second)
    assert (refused.status, refused.headers["Retry-After"], seconds <= IN_TIME) == (503, "10", True), seconds
    assert refused.json == {"error": f"The bucket at PRESENCE_BUCKET_URL {SENTENCES[mode]}."}
    gateway.mode = "good"
    wait_until(lambda: receiver.post([third]).status == 200, what="the receiver to find the bucket again")
    folder = collect().folder
    macs = {seen["clientMac"] for seen in second["observations"]}
    wait_until(lambda: macs <= {line["clientMac"] for line in there(folder)}, what="the refused delivery to land")
    assert len([line for line in there(folder) if line["clientMac"] in macs]) == 3


def there(folder):
    try:
        return lines(folder)
    except (AssertionError, ValueError, OSError):
        return []


@pytest.mark.slow
def test_tls_that_fails_and_is_mended(start, store, server, deliveries, tmp_path):
    """Once with a certificate of nobody's, then with one of an authority that the machine trusts."""
    authority, stranger = Certificate("authority", is_authority=True), Certificate("localhost")
    (tmp_path / "trusted.pem").write_bytes(authority.pem)
    gateway = Gateway(server.port, context(tmp_path, stranger))
    trusting = store.variables | {
        "AWS_ENDPOINT_URL": f"https://localhost:{gateway.port}", "SSL_CERT_FILE": str(tmp_path / "trusted.pem")}
    receiver = start(tmp_path / "none", variables=trusting, BUCKET_URL=store.url, workers=1)
    first, second = deliveries(2)
    refused, seconds = timed(receiver, first)
    assert (refused.status, seconds <= IN_TIME) == (503, True), seconds
    assert refused.json == {"error": "The bucket at PRESENCE_BUCKET_URL failed at TLS: check its endpoint and its "
                                     "certificate."}
    gateway.context = context(tmp_path, Certificate("localhost", authority))
    wait_until(lambda: receiver.post([second]).status == 200, what="the receiver to find the bucket again")
    wait_until(lambda: any(macs_of(first) <= macs_in(each) for each in store.objects().values()),
               what="the refused delivery to land")
    gateway.close()


def macs_of(report):
    return {seen["clientMac"] for seen in report["observations"]}


def macs_in(content):
    return {json.loads(line)["clientMac"] for line in content.splitlines()}


@pytest.mark.slow
def test_each_is_answered_within_its_own_time(receiver, gateway, deliveries):
    """Those that come later do not wait for the PUTs that hang, nor for each other."""
    gateway.mode, seconds, threads = "hang", [], []
    for report in deliveries(12):
        threads.append(threading.Thread(target=lambda report=report: seconds.append(timed(receiver, report)[1])))
        threads[-1].start()
        threads[-1].join(0.4)
    for thread in threads:
        thread.join()
    assert max(seconds) <= IN_TIME
    assert receiver.request("GET", "/readyz").status == 503


@pytest.mark.slow
@pytest.mark.parametrize("observations", [3, 2_500])
def test_puts_that_went_into_a_black_hole_hold_nobody_up_for_long(observations, receiver, gateway, deliveries):
    """Three at once are all that there may be; each is tried again on another connection."""
    gateway.mode, answers, threads = "black hole", [], []
    begun = time.monotonic()
    for number, report in enumerate(deliveries(3, observations)):
        threads.append(threading.Thread(target=lambda report=report: answers.append(receiver.post([report]).status)))
        threads[-1].start()
        wait_until(lambda count=number: gateway.count("PUT") > count, what="the PUT")
    for thread in threads:
        thread.join()
    assert answers == [503, 503, 503]
    gateway.mode = "good"
    wait_until(lambda: receiver.post(deliveries(1)).status == 200, 60, "a 200")
    assert time.monotonic() - begun < 15


@pytest.mark.slow
def test_a_stop_under_a_hanging_put(receiver, gateway, deliveries):
    gateway.mode, answers = "hang", []
    thread = threading.Thread(target=lambda: answers.append(receiver.post(deliveries(1))))
    thread.start()
    wait_until(lambda: gateway.count("PUT"), what="the PUT")
    begun = time.monotonic()
    assert receiver.stop() == 0
    assert time.monotonic() - begun < 25
    thread.join()
    assert [answer.status for answer in answers] == [503]


@pytest.mark.slow
def test_a_stop_while_gathering(start, store, deliveries, tmp_path):
    receiver = start(tmp_path / "none", variables=store.variables, BUCKET_URL=store.url, workers=1,
                     BUCKET_GATHER_SECONDS="2")
    assert receiver.post(deliveries(1)).status == 200
    answers = []
    thread = threading.Thread(target=lambda: answers.append(receiver.post(deliveries(1))))
    begun = time.monotonic()
    thread.start()
    wait_until(lambda: time.monotonic() > begun + 0.5)
    assert receiver.stop() == 0
    thread.join()
    assert ([answer.status for answer in answers], len(store.objects())) == ([200], 2)


@pytest.mark.slow
def test_a_put_that_is_stored_unheard_comes_once(receiver, store, gateway, deliveries, collect):
    report, = deliveries(1)
    gateway.mode = "late"
    answers = []
    thread = threading.Thread(target=lambda: answers.append(receiver.post([report])))
    thread.start()
    wait_until(lambda: gateway.count("PUT") > 1, what="a second attempt")
    folder = collect().folder
    wait_until(lambda: len(there(folder)) == 3, what="the lines")
    gateway.mode = "good"
    thread.join()
    assert answers[0].status == 200
    wait_until(lambda: not store.paths("inbox/"), what="the repeated object to be deleted")
    assert len(there(folder)) == 3


@pytest.mark.slow
def test_readiness(receiver, gateway):
    assert receiver.request("GET", "/readyz").status == 200
    gateway.mode = 403
    wait_until(lambda: receiver.request("GET", "/readyz").status == 503, 30, "it to notice")
    assert receiver.request("GET", "/readyz").json["error"] == (
        f"The bucket at PRESENCE_BUCKET_URL refuses our credentials: {CHECK}.")
    gateway.mode = "good"
    wait_until(lambda: receiver.request("GET", "/readyz").status == 200, what="it to come back")
