import functools
import json

import pytest
from extras.report import reporting


@pytest.fixture
def report():
    """Run `presence-cli report` in this process."""
    return reporting.report


@pytest.fixture
def made_up(tmp_path):
    """Fill the test's folder with lines, and rejected ones, of so many access points and hours."""
    return functools.partial(reporting.made_up, tmp_path)


@pytest.fixture
def line():
    """Make a line; fields may be given."""
    def make(**more):
        fields = {"receivedAt": "2026-11-17T20:15:00.000000Z", "ownerId": 1490, "apMac": "C413E2000040",
                  "clientMac": "5CB901642E60", "ssid": None, "rssi": -50, "manufacturer": None, "x": None, "y": None}
        return json.dumps(fields | more).encode() + b"\n"

    return make
