"""The limits that the schemas set, exactly: the last value that is good and the first that is not."""
import json

import pytest

from presence_receiver.budgets import Budget
from presence_receiver.validation import slow_decoder
from presence_receiver.validation.schemas import ObservationSchema

LIMITS = [
    ("rssi", -128, 127), ("lat", -90, 90), ("lng", -180, 180), ("unc", 0, None),
    ("seenEpoch", -2**63, 2**64 - 1), ("x", -2**63, 2**64 - 1),
]


def faults(**more):
    return ObservationSchema().validate({"clientMac": "5CB901642E60", "seenEpoch": 1, **more})


@pytest.mark.parametrize("name, least, most", LIMITS)
def test_the_limits_are_good_and_what_lies_beyond_is_not(name, least, most):
    assert faults(**{name: least}) == {} == faults(**{name: least if most is None else most})
    assert [*faults(**{name: least - 1})] == [name]
    assert most is None or [*faults(**{name: most + 1})] == [name]


@pytest.mark.parametrize("rssi, is_good", [(-128, True), (127, True), (-129, False), (128, False)])
def test_an_observer_s_signal_has_the_same_limits(rssi, is_good):
    observers = [{"apMac": "C413E2008040", "rssi": rssi}]
    assert (faults(deviceObservers=observers) == {}) is is_good


@pytest.mark.parametrize("value, is_kept", [
    (-2**63, True), (2**64 - 1, True), (-2**63 - 1, False), (2**64, False), (10**400, False),
])
def test_the_slow_reader_keeps_integers_of_64_bits_and_no_larger(value, is_kept):
    found = slow_decoder.slowly_loaded(json.dumps(value).encode(), Budget())
    assert (type(found), found) == ((int, value) if is_kept else (slow_decoder.Unstorable, str(value)))
