"""Files of made-up lines, and reports on them in this process."""
import time
from random import Random

from click.testing import CliRunner

from presence_receiver.cli.main import cli
from presence_receiver.extras.simulation import traffic
from presence_receiver.extras.simulation.site import Site
from presence_receiver.validation.judge import judge_delivery

START = 1_795_340_000_000


def report(*args, stdin=None):
    """Run `presence-cli report`."""
    result = CliRunner().invoke(cli, ["report", *map(str, args)], input=stdin, terminal_width=78)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def made_up(folder, access_points, hours, interval=600, outage=range(0), devices=8, bad=0.05, shape="array",
            start=START):
    """Fill a folder with lines, and rejected ones, of so many access points and hours without those of an outage."""
    random = Random(7)
    site = Site(access_points, devices, start, random)
    plan = traffic.Plan(access_points=access_points, devices=devices, interval=interval, duration=1, speed=1,
                        shape=shape, bad=bad)
    with (folder / "presence.jsonl").open("ab") as lines, (folder / "rejected.jsonl").open("ab") as rejected:
        for index in range(hours * 3600 // interval):
            if index * interval // 3600 not in outage:
                [delivery] = traffic.deliveries(site, 1490, plan, random)
                received = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(site.now / 1000))
                judged = judge_delivery(delivery.body, received)
                lines.write(judged.lines)
                rejected.write(judged.rejected)
            site.pass_time(interval)
    return folder
