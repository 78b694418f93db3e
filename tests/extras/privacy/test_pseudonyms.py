"""What stands in a line where addresses do not, and what it costs nobody who did not ask for it."""
import hashlib
import hmac
import json
import subprocess
import sys

import pytest
from judging import GOOD, NOW, report

from presence_receiver import config
from presence_receiver.app import kept
from presence_receiver.as_sent import AS_SENT
from presence_receiver.budgets import Budget
from presence_receiver.extras.privacy import keyed, pseudonyms
from presence_receiver.extras.privacy.pseudonyms import Pseudonyms
from presence_receiver.extras.replay import rejected_line
from presence_receiver.validation import judge_delivery

KEY = "a key that nobody guesses"
HASH = hmac.new(KEY.encode(), b"5cb901642e60", hashlib.sha256).hexdigest()[:32]
VENDORS_DIGEST = "0123456789ABCDEF" * 4


def judged(body, dropped=(), key=KEY, budget=None):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge_delivery(text, NOW, budget, Pseudonyms(key, dropped))


def line(body, **options):
    (only,) = judged(body, **options).lines.splitlines()
    return json.loads(only)


@pytest.mark.parametrize("key", ["k" * 16, KEY, "é" * 40, "k" * 64, "k" * 65, "k" * 200])
def test_a_pseudonym_is_the_first_half_of_an_hmac(key):
    expected = hmac.new(key.encode(), b"5cb901642e60", hashlib.sha256).hexdigest()[:32]
    assert keyed.pseudonyms(key)("5cb901642e60") == expected


@pytest.mark.parametrize("sent", ["5CB901642E60", "5cb901642e60", "5C:b9:01:64:2E:60", "5c-B9-01-64-2e-60"])
@pytest.mark.parametrize("more", [{}, {"vlan": 7}, {"ipv4": "10.0.0.1", "x": "NaN"}])
def test_equal_devices_stay_equal_whatever_the_vendor_writes(sent, more):
    found = line(report(GOOD | more | {"clientMac": sent}, apMac="C413E2008040"))
    assert (found["clientMac"], found["randomised"], found["apMac"]) == (HASH, False, "C413E2008040")


def test_a_line_is_as_without_the_key_but_for_the_address_and_what_stands_behind_it():
    body = json.dumps(report(GOOD | {"ssid": "é", "vlan": [1]}, ownerId=1, apMac="C413E2008040")).encode()
    plain = judge_delivery(body, NOW).lines
    assert judged(body).lines == plain.replace(b'"5CB901642E60"', f'"{HASH}","randomised":false'.encode())


@pytest.mark.parametrize("sent, is_randomised", [("DA3F8C1B7D29", True), ("5CB901642E60", False)])
def test_whether_the_device_made_its_address_up_is_told(sent, is_randomised):
    assert line(report(GOOD | {"clientMac": sent}))["randomised"] == is_randomised


@pytest.mark.parametrize("seen", [{"randomised": "perhaps"}, {"randomised": "perhaps", "vlan": {"deep": [[]]}}])
def test_a_senders_own_field_of_that_name_wins(seen):
    (text,) = judged(report(GOOD | seen)).lines.splitlines()
    assert json.loads(text)["randomised"] == "perhaps"
    assert text.count(b"randomised") == 1


def test_the_vendors_own_digest_stays_in_lower_case():
    found = line(report(GOOD | {"clientMac": VENDORS_DIGEST}))
    assert (found["clientMac"], "randomised" in found) == (VENDORS_DIGEST.lower(), False)


def test_an_address_in_any_other_field_is_hashed_and_an_access_points_is_not():
    found = line(report(GOOD | {
        "ssid": "5c:b9:01:64:2e:60", "os": "on 5CB901642E60",
        "deviceObservers": [{"apMac": "C413E2008040", "rssi": -40}],
        "more": {"5CB9.0164.2E60": ["5cb901642e60", 7]}, "apMac": "C413E2008040",
    }, building="5cb901642e60", ownerId={"of": "5cb901642e60"}))
    assert (found["ssid"], found["os"]) == (HASH, f"on {HASH}")
    assert found["deviceObservers"] == [{"apMac": "C413E2008040", "rssi": -40}]
    assert found["more"] == {HASH: [HASH, 7]}
    assert (found["building"], found["ownerId"]) == (HASH, {"of": HASH})


@pytest.mark.parametrize("sent, kept_of_it", [
    ("fe80::5eb9:1ff:fe64:2e60", None), ("2001:db8::5eb9:1ff:254.100.46.96", None), ("2001:db8::1", "2001:db8::1")])
def test_an_ipv6_address_that_holds_the_devices_becomes_null(sent, kept_of_it):
    assert line(report(GOOD | {"ipv6": sent}))["ipv6"] == kept_of_it


@pytest.mark.parametrize("key", [KEY, None])
@pytest.mark.parametrize("more", [{}, {"vlan": [["deep"]]}, {"report.os": "ios", "os2": "ios"}])
def test_fields_to_drop_become_null(key, more):
    seen = GOOD | {"ipv4": "10.0.0.1", "os": "ios", "ssid": "Guest"} | more
    found = line(report(seen), dropped=("ipv4", "os"), key=key)
    assert (found["ipv4"], found["os"], found["ssid"]) == (None, None, "Guest")
    assert (found.get("report.os"), found.get("os2")) == (None, more.get("os2"))


@pytest.mark.parametrize("key", [KEY, None])
@pytest.mark.parametrize("more", [{}, {"vlan": [["deep"]]}])
def test_they_become_null_at_any_depth(key, more):
    observers = [{"apMac": "C413E2008040", "os": "ios"}]
    seen = GOOD | more | {"deviceObservers": observers, "ownerId": {"os": "ios"}, "net": {"os": "ios", "ssid": "x"}}
    found = line(report(seen), dropped=("os",), key=key)
    assert found["deviceObservers"] == [{"apMac": "C413E2008040", "os": None}]
    assert (found["ownerId"], found["net"]) == ({"os": None}, {"os": None, "ssid": "x"})


def test_without_a_key_nothing_else_changes():
    seen = GOOD | {
        "clientMac": "5C:b9:01:64:2E:60", "ipv6": "fe80::5eb9:1ff:fe64:2e60", "ssid": "5cb901642e60", "os": "ios"}
    body = json.dumps([report(seen), report(seen, vlan=1)]).encode()
    plain = judge_delivery(body, NOW).lines
    assert judged(body, dropped=("os",), key=None).lines == plain.replace(b'"ios"', b"null")


def test_they_become_null_in_what_is_rejected_or_not_judged_too():
    seen = {"clientMac": "nobody", "ipv4": {"deep": ["10.0.0.1", "}"]}, "os": [1], "ssid": "Guest"}
    for budget in (None, Budget(seconds=0)):
        found = json.loads(judged(report(seen), dropped=("ipv4", "os"), budget=budget).rejected)
        seen_then = found["observation"] or found["report"]["observations"][0]
        assert seen_then == seen | {"ipv4": None, "os": None}


@pytest.mark.parametrize("key", [KEY, None])
def test_why_a_field_to_drop_was_refused_is_told(key):
    found = judged(report(GOOD | {"ipv4": 3}), dropped=("ipv4",), key=key)
    line_of_it = json.loads(found.rejected)
    assert line_of_it["errors"] == found.errors == {"observations": {"0": {"ipv4": ["Not a valid IPv4 address."]}}}
    assert line_of_it["observation"]["ipv4"] is None


def test_what_is_rejected_or_not_judged_has_the_pseudonym_and_says_so():
    seen = GOOD | {"rssi": "weak"}
    for budget in (None, Budget(seconds=0), Budget(parts=3)):
        found = json.loads(judged(report(seen), budget=budget).rejected)
        whole = found.get("body") or json.dumps(found.get("report"))
        shown = found.get("observation") or json.loads(whole)["observations"][0]
        assert shown == {"clientMac": HASH, "randomised": False, **GOOD, **seen} | {"clientMac": HASH}
        assert found["pseudonym"] is True


@pytest.mark.parametrize("key", [KEY, "another key than that one", None])
@pytest.mark.parametrize("budget", [None, Budget(seconds=0), Budget(parts=3)])
def test_replay_does_not_hash_again(key, budget):
    rejected = judged(report(GOOD | {"rssi": "weak"}, apMac="C413E2008040"), budget=budget).rejected
    mended = rejected.replace(b'"weak"', b"-60").replace(b'\\"weak\\"', b"-60")
    again = rejected_line.judged(mended, kept=Pseudonyms(key, ()) if key else AS_SENT)
    found = json.loads(again.lines)
    assert (found["clientMac"], found["randomised"], found["apMac"]) == (HASH, False, "C413E2008040")


def test_replay_hashes_what_was_rejected_before_there_was_a_key():
    rejected = judge_delivery(json.dumps(report(GOOD | {"rssi": "weak"})).encode(), NOW).rejected
    again = rejected_line.judged(rejected.replace(b'"weak"', b"-60"), kept=Pseudonyms(KEY, ()))
    assert json.loads(again.lines)["clientMac"] == HASH


@pytest.mark.parametrize("sent, digits", [
    (112233445566, "112233445566"), (0x5CB901642E60, "5cb901642e60"), (7, "0" * 11 + "7")])
def test_an_address_that_is_sent_as_a_number_is_rejected_with_its_pseudonym(sent, digits):
    found = json.loads(judged(report(GOOD | {"clientMac": sent})).rejected)
    assert found["observation"]["clientMac"] == keyed.pseudonyms(KEY)(digits)


@pytest.mark.parametrize("sent", [-1, 2**48, 10**20, 1.5, True, None, "nobody", [7]])
def test_what_is_no_address_at_all_stays_in_what_is_rejected(sent):
    found = json.loads(judged(report(GOOD | {"clientMac": sent})).rejected)
    assert found["observation"]["clientMac"] == sent


@pytest.mark.parametrize("more", [{}, {"vlan": [["deep"]]}])
def test_of_a_deep_value_every_address_is_hashed(more):
    observers = [{"apMac": "C413E2008040", "5cb901642e60": "5cb901642e60", "locationIdHierarchy": [1]}]
    found = line(report(GOOD | more | {"deviceObservers": observers}))
    assert found["deviceObservers"] == [{"apMac": "C413E2008040", HASH: HASH, "locationIdHierarchy": [1]}]


@pytest.mark.parametrize("seen", [{"ownerId": ["\ud800"]}, {"deviceObservers": [{"apMac": None, "name": "\ud800"}]}])
def test_what_cannot_be_stored_is_rejected_as_ever(seen):
    assert judged(report(GOOD | seen)).rejected_count == 1


def test_a_reports_own_address_says_nothing_of_the_device_being_randomised():
    (text,) = judged(report(GOOD, clientMac="da3f8c1b7d29", vlan=1)).lines.splitlines()
    assert json.loads(text)["report.clientMac"] == keyed.pseudonyms(KEY)("da3f8c1b7d29")
    assert text.count(b"randomised") == 1


def test_reports_that_fit_one_by_one_only_are_as_those_that_fit_together():
    delivery = [report(GOOD | {"seenEpoch": number}, apMac="C413E2008040") for number in range(3)]
    whole = judged(delivery)
    found = judged(delivery, budget=Budget(size=len(whole.lines) - 1))
    assert (found.accepted_count, found.lines) == (3, whole.lines)


def test_the_last_group_of_a_uuid_may_be_an_address_and_the_others_are_none():
    found = line(report(GOOD | {"session": "550e8400-e29b-11d4-a716-5CB901642E60"}))
    assert found["session"] == f"550e8400-e29b-11d4-a716-{HASH}"


def test_a_name_in_an_error_holds_no_address():
    found = judged(report(GOOD, **{"report.5cb901642e60": 1, "5cb901642e60": {"observations": [1]}}))
    assert f'"{HASH}"' in json.dumps(found.errors)
    assert "5cb901642e60" not in json.dumps(found.errors) + found.rejected.decode()


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(pseudonyms, "MOST_KNOWN", 10)
    keeping = Pseudonyms(KEY, ())
    for number in range(0, 100, 5):
        seen = [GOOD | {"clientMac": f"{number + index:012X}", "ssid": f"net {number + index}"} for index in range(5)]
        judge_delivery(json.dumps(report(*seen)).encode(), NOW, None, keeping)
    assert len(keeping._marked) <= 10
    assert len(keeping._harmless) <= 20


def test_only_settings_bring_it_in():
    bare = {"PRESENCE_SECRET": "hunter22"}
    assert kept(config.load(bare)) is AS_SENT
    for setting in ({"PRESENCE_MAC_KEY": KEY}, {"PRESENCE_DROP_FIELDS": "os"}):
        assert isinstance(kept(config.load(bare | setting)), Pseudonyms)
    program = ("import sys, presence_receiver; presence_receiver.create_app({'PRESENCE_SECRET': 'hunter22 hunter22'}); "
               "print([name for name in sys.modules if 'extras' in name])")
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "[]", ran.stderr
