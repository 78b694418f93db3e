import base64
import json

import pytest
from devices import DEVICES, NOTATIONS, found_in
from judging import GOOD, NOW, report

from presence_receiver.errors import Refused
from presence_receiver.extras.privacy import addresses, keyed
from presence_receiver.extras.privacy.device import Devices
from presence_receiver.extras.privacy.pseudonyms import Pseudonyms
from presence_receiver.validation import judge_delivery

ONE, OTHER, THIRD = DEVICES
KEYS = ["the first key of all of them", "the second key of all of them"]
SEARCHED = {name: notation for name, notation in NOTATIONS.items() if name not in ("wide digits", "Arabic digits")}


def line(**fields):
    return json.dumps({"receivedAt": NOW, **fields}, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize("digits", DEVICES)
@pytest.mark.parametrize("notation", SEARCHED.values(), ids=SEARCHED)
def test_an_address_is_found_in_every_notation_and_overwritten_where_it_only_stands(digits, notation):
    text = line(errors={}, body=f'[{{"clientMac":"{notation(digits)}"}},{{"clientMac":"{THIRD}"}}]')
    devices = Devices([digits], [])
    assert devices.are_in(text)
    left = devices.without(text)
    assert found_in(left, digits) == [] or digits == THIRD
    assert [json.loads(left)[name] == json.loads(text)[name] for name in json.loads(text)] == [True, True, False]
    assert found_in(left, THIRD) or digits == THIRD
    assert not devices.are_in(left)
    assert Devices([digits, *(f"{number:012x}" for number in range(20))], []).without(text) == left
    assert not Devices(["000000000001"], KEYS).are_in(text)


@pytest.mark.parametrize("given", [
    ONE, ONE.upper(), NOTATIONS["colons"](ONE), NOTATIONS["cisco"](ONE), keyed.pseudonyms(KEYS[1])(ONE),
    keyed.pseudonyms(KEYS[1])(ONE).upper()])
def test_a_line_of_its_own_goes_by_either_key(given):
    devices = Devices([given], KEYS)
    judged = judge_delivery(json.dumps(report(
        GOOD | {"clientMac": ONE}, GOOD | {"clientMac": OTHER}, GOOD | {"clientMac": ONE, "rssi": "x"},
    )).encode(), NOW, None, Pseudonyms(KEYS[1], ()))
    first, second = judged.lines.splitlines(keepends=True)
    assert [devices.are_in(each) for each in (first, second, judged.rejected)] == [True, False, True]
    assert (devices.without(first), devices.without(judged.rejected)) == (b"", b"")


def test_an_access_points_own_address_is_no_device():
    text = line(apMac=ONE, clientMac=OTHER)
    assert not Devices([ONE], []).are_in(text)
    both = line(apMac=ONE, clientMac=OTHER, seen=ONE, deviceObservers=[{"apMac": ONE}])
    assert Devices([ONE], []).without(both) == both.replace(f'"seen":"{ONE}"'.encode(), b'"seen":"************"')


def test_of_unjudged_observations_only_the_devices_are_overwritten():
    text = line(errors={}, report=report(GOOD | {"clientMac": ONE}, GOOD | {"clientMac": OTHER}), observation=None)
    assert Devices([ONE], []).without(text) == text.replace(ONE.encode(), b"*" * 12)


def test_in_a_body_that_is_no_text_it_is_overwritten_too():
    text = line(errors={}, bodyBase64=base64.b64encode(f"\xff{ONE.upper()}\xff{OTHER}".encode("latin-1")).decode())
    devices = Devices([ONE], [])
    assert devices.are_in(text)
    left = json.loads(devices.without(text))
    assert base64.b64decode(left["bodyBase64"]) == f"\xff{'*' * 12}\xff{OTHER}".encode("latin-1")


def test_what_a_sender_escaped_without_need_is_found():
    escaped = f'{{"observations":["\\u00{ord(ONE[0]):x}{ONE[1:]}"]}}'.encode()
    text = line(errors={}, report=None).replace(b"null", escaped)
    devices = Devices([ONE], [])
    assert devices.are_in(text)
    assert json.loads(devices.without(text))["report"] == {"observations": ["*" * 12]}


def test_an_unknown_field_called_observation_hides_no_line():
    text = line(clientMac=ONE, observation={"clientMac": OTHER})
    assert Devices([ONE], []).without(text) == b""


def test_a_longer_run_of_digits_is_another_thing():
    assert not Devices([ONE], []).are_in(line(clientMac=ONE + "0" * 20))


@pytest.mark.parametrize("given", ["", "nobody", "5cb901642e6", "5cb901642e60 5cb901642e60", "5cb9 0164 2e6g"])
def test_what_is_no_device_is_refused_and_not_repeated(given):
    with pytest.raises(Refused) as refusal:
        Devices([given], [])
    assert str(refusal.value) == (
        "That is no device: give its address, 12 hex digits with or without colons, or what stands in clientMac.")


@pytest.mark.parametrize("text", [
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "2015-10-09T07:00:00.000+0000", "2015-10-09 07:00:00", "20:15:00",
    "10.11.12.13:8080", "1:2:3:4:5:6:7:8", "a" * 21, "0" * 13, "a" * 32,
    "20151009-070000", "d41d8cd98f00b204", "1463828775360", "Retail World", "é", "", "fe80::1",
])
def test_what_is_no_address_stays(text):
    assert addresses.replaced(text, lambda digits: "changed") == text
    assert addresses.digits(text) is None


@pytest.mark.parametrize("window", [1, 7, 50, 1000])
@pytest.mark.parametrize("notation", NOTATIONS.values(), ids=NOTATIONS)
def test_in_a_long_text_they_are_found_wherever_they_stand(monkeypatch, window, notation):
    text = "".join(f"{notation(digits)}{'x ' * (count + 1)}" for count, digits in enumerate(DEVICES * 4))
    whole = addresses.replaced(text, lambda digits: f"<{digits}>")
    assert whole.count("<") >= 12
    monkeypatch.setattr(addresses, "WINDOW", window)
    assert addresses.replaced(text, lambda digits: f"<{digits}>") == whole


@pytest.mark.parametrize("digits, is_randomised", [
    ("5cb901642e60", False), ("da3f8c1b7d29", True), ("02000000000f", True), ("f0f0f0f0f0f0", False)])
def test_a_randomised_address_has_the_local_bit(digits, is_randomised):
    assert addresses.is_randomised(digits) == is_randomised
