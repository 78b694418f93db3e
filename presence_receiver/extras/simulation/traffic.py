"""HiveManager as a traffic generator: deliveries in each of its shapes, at its pace.

How a delivery is posted, the caller says. Posts one at a time, each once, as HiveManager does.
"""
from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from presence_receiver.as_sent import AsSent
from presence_receiver.errors import CallFailed
from presence_receiver.extras.simulation.site import Observation, Site
from presence_receiver.extras.simulation.tally import Delivery, Key, Tally
from presence_receiver.http_client import Answer

SHAPES = ("array", "flat", "client-centric")

FAULTS: list[Observation] = [
    {"clientMac": "unknown"}, {"rssi": "loud"}, {"seenTime": "yesterday"}, {"ipv4": "10.0.0.256"},
    {"lat": 91},
]

KEY = ("clientMac", "seenEpoch", "rssi", "x", "y")

Judged = tuple[Observation, bool]
"""An observation, and whether the receiver should accept it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What to simulate; `interval` in simulated seconds, `duration` in real ones (of a demo too), `bad` from 0 to 1."""

    access_points: int
    devices: int
    interval: float
    duration: float
    speed: float
    shape: str
    bad: float


def run(plan: Plan, post: Callable[[bytes], Answer], tally: Tally, random: Random) -> Iterator[None]:
    """Send deliveries until the duration is over, and yield after each; a slow receiver gets fewer.

    `post` raises CallFailed where no answer came.
    """
    site = Site(plan.access_points, plan.devices, round(time.time() * 1000), random)
    end = time.monotonic() + plan.duration
    due = time.monotonic()
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        for delivery in deliveries(site, tally.owner_id, plan, random):
            _send(delivery, post, tally)
            yield
        site.pass_time(plan.interval)
        due = max(due + plan.interval / plan.speed, time.monotonic())


def _send(delivery: Delivery, post: Callable[[bytes], Answer], tally: Tally) -> None:
    start = time.monotonic()
    tally.send(delivery)
    try:
        answer = post(delivery.body)
    except CallFailed:
        answer = None
    tally.settle(delivery, answer, time.monotonic() - start)


def deliveries(site: Site, owner_id: int, plan: Plan, random: Random) -> Iterator[Delivery]:
    """Yield what is posted at one moment: one body for the account, or in the flat shape one for each report."""
    if plan.shape == "client-centric":
        seen = _spoilt(_device_centric(site), plan.bad, random)
        yield _delivery({"data": {"ownerId": owner_id, "observations": [each for each, _ in seen]}}, seen)
        return
    reports, everything = [], []
    for mac, observations in zip(site.macs, _by_access_point(site), strict=True):
        seen = _spoilt(observations, plan.bad, random)
        report = {"apMac": mac, "ownerId": owner_id, "observations": [each for each, _ in seen]}
        if plan.shape == "flat":
            yield _delivery(report, seen)
        reports.append(report)
        everything += seen
    if plan.shape == "array":
        yield _delivery(reports, everything)


def _by_access_point(site: Site) -> list[list[Observation]]:
    seen: list[list[Observation]] = [[] for _ in site.macs]
    for device in site.devices:
        index = site.nearest(device)
        seen[index].append(site.observe(device, index))
    return seen


def _device_centric(site: Site) -> Iterator[Observation]:
    for device in site.devices:
        index = site.nearest(device)
        observation = site.observe(device, index)
        del observation["rssi"]
        yield observation | {"deviceObservers": [
            {"apMac": site.macs[near], "rssi": site.rssi(device, near), "locationIdHierarchy": [1, 2, near]}
            for near in site.neighbours(index)
        ]}


def _spoilt(observations: Iterable[Observation], share: float, random: Random) -> list[Judged]:
    """Return them with that share spoilt, each in one of several ways."""
    return [
        (seen | random.choice(FAULTS), False) if random.random() < share else (seen, True)
        for seen in observations
    ]


def _delivery(body: Any, seen: Iterable[Judged]) -> Delivery:
    good: list[Key] = []
    bad: list[Key] = []
    for observation, is_good in seen:
        (good if is_good else bad).append(key(observation))
    return Delivery(json.dumps(body, separators=(",", ":")).encode(), tuple(good), tuple(bad))


def key(seen: Observation) -> Key:
    """Return what tells an observation from all others of the run, in a delivery as in a line."""
    fields = {name: seen.get(name) for name in KEY}
    return tuple((fields | {"x": None, "y": None} if "NaN" in (fields["x"], fields["y"]) else fields).values())


def kept_key(sent: Key, kept: AsSent) -> Key:
    """Return an observation's key as its line has it, of which the receiver may keep less than was sent."""
    return key(json.loads(kept.text(json.dumps(dict(zip(KEY, sent, strict=True))).encode())))
