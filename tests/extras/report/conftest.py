import json
import time
from random import Random

import pytest
from click.testing import CliRunner

from presence_receiver.cli.main import cli
from presence_receiver.extras.simulation import traffic
from presence_receiver.extras.simulation.site import Site
from presence_receiver.validation.judge import judge_delivery

START = 1_795_340_000_000


@pytest.fixture
def report():
    """Run `presence-cli report` in this process."""
    def run(*args, stdin=None):
        result = CliRunner().invoke(cli, ["report", *map(str, args)], input=stdin, terminal_width=78)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def made_up(tmp_path):
    """Fill a folder with lines, and rejected ones, of so many access points and hours without those of an outage."""
    def fill(access_points, hours, interval=600, outage=range(0), devices=8, bad=0.05):
        random = Random(7)
        site = Site(access_points, devices, START, random)
        plan = traffic.Plan(access_points=access_points, devices=devices, interval=interval, duration=1, speed=1,
                            shape="array", bad=bad)
        with (tmp_path / "presence.jsonl").open("ab") as lines, (tmp_path / "rejected.jsonl").open("ab") as rejected:
            for index in range(hours * 3600 // interval):
                if index * interval // 3600 not in outage:
                    [delivery] = traffic.deliveries(site, 1490, plan, random)
                    received = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(site.now / 1000))
                    judged = judge_delivery(delivery.body, received)
                    lines.write(judged.lines)
                    rejected.write(judged.rejected)
                site.pass_time(interval)
        return tmp_path

    return fill


@pytest.fixture
def line():
    """Make a line; fields may be given."""
    def make(**more):
        fields = {"receivedAt": "2026-11-17T20:15:00.000000Z", "ownerId": 1490, "apMac": "C413E2000040",
                  "clientMac": "5CB901642E60", "ssid": None, "rssi": -50, "manufacturer": None, "x": None, "y": None}
        return json.dumps(fields | more).encode() + b"\n"

    return make
