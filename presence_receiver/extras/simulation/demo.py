"""Lines of a time that is over, such as a week, written into files as a receiver would have written them then.

Nothing is posted, for a receiver stamps what it gets with its own clock.
"""
from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from presence_receiver import config, lines
from presence_receiver.errors import Refused
from presence_receiver.extras.simulation import traffic
from presence_receiver.extras.simulation.site import Site
from presence_receiver.extras.simulation.tally import Delivery, Tally
from presence_receiver.http_client import Answer
from presence_receiver.storage import Writer, become_owner
from presence_receiver.validation import judge_delivery

NEVER = "1000000000"
"""Seconds: the file's first line is old from the start, and may not close it."""


def write(plan: traffic.Plan, folder: Path, tally: Tally, random: Random) -> Iterator[None]:
    """Write the plan's duration, up to now, into the folder's files, and yield after each delivery.

    Refused where there are files already: what is made up is not mixed with what was seen.
    """
    try:
        is_empty = not folder.exists() or not any(folder.iterdir())
    except OSError as failure:
        raise Refused(f"{folder} cannot be read ({failure.strerror}): give --into a new folder.") from None
    if not is_empty:
        raise Refused(f"{folder} is not empty: give --into a new folder, that made-up lines are not mixed with others.")
    become_owner(folder)
    writer = Writer(config.load(
        {"PRESENCE_DATA_DIR": str(folder), "PRESENCE_FSYNC": "false", "PRESENCE_ROTATE_SECONDS": NEVER},
        needs_secret=False))
    end = round(time.time() * 1000)
    site = Site(plan.access_points, plan.devices, end - round(plan.duration * 1000), random)
    while site.now <= end:
        for delivery in traffic.deliveries(site, tally.owner_id, plan, random):
            _store(delivery, site.now, writer, tally)
            yield
        site.pass_time(plan.interval)


def _store(delivery: Delivery, now: int, writer: Writer, tally: Tally) -> None:
    tally.send(delivery)
    judged = judge_delivery(delivery.body, lines.stamp(datetime.datetime.fromtimestamp(now / 1000, datetime.UTC)))
    writer.append(judged.lines, judged.rejected)
    counts = {"accepted": judged.accepted_count, "rejected": judged.rejected_count}
    tally.settle(delivery, Answer(200, counts, "JSON", ""), seconds=0)
