"""A made-up site: access points on a grid, and devices that come, move, associate and leave.

What it says of a device has the form and the quirks of captured deliveries; addresses and names are made up.
Knows nothing of deliveries; time is what the caller says it is.
"""
from __future__ import annotations

import dataclasses
import datetime
import math
from random import Random
from typing import Any

Observation = dict[str, Any]

SPACING = 30
"""Metres between neighbouring access points."""
SPEED = 1.2
"""Metres a second, of a person who walks."""
STAY, SESSION = 3600, 1800
"""How long a device stays, and how long it is associated or not, in seconds on average."""
WALKING, ASSOCIATED, RANDOM_MAC, UNPLACED = 0.3, 0.15, 0.2, 0.01
"""Shares of the devices; in the capture 15 % were associated and a fifth had a random MAC address."""

KINDS = [
    ("5CB901", "Apple Inc", "iOS 16"), ("3C0754", "Apple Inc", "Mac OS X EI Capitan"),
    ("8C7712", "Samsung Electronics", "Android"), ("A0F3C1", "Intel Corporate", "Windows 10"),
    ("94EB2C", "Google", "unknown"), ("00E04C", None, None),
]
SSIDS = ["Guest", "Staff", "Till"]


def _within(place: float, length: float) -> float:
    """Return a place within the walls: who walks into one turns round."""
    place %= 2 * length
    return min(place, 2 * length - place)


@dataclasses.dataclass(slots=True)
class Device:
    """One device; `since` is when it associated, in simulated milliseconds, and 0 while it is not."""

    mac: str
    maker: str | None
    system: str | None
    x: float
    y: float
    is_walking: bool
    ssid: str
    ipv4: str
    since: int = 0


class Site:
    """So many access points with so many devices around each; the first moment is `now`, in milliseconds."""

    def __init__(self, access_points: int, devices: int, now: int, random: Random) -> None:
        self._random = random
        self._columns = math.ceil(math.sqrt(access_points))
        self._rows = math.ceil(access_points / self._columns)
        self.now = now
        self.macs = [f"C413E2{number * 64:06X}" for number in random.sample(range(2**18), access_points)]
        self.devices = [self._newcomer() for _ in range(access_points * devices)]

    def pass_time(self, seconds: float) -> None:
        """Let devices move, associate, give up their association, leave and be followed by others."""
        self.now += round(seconds * 1000)
        leaves, changes = 1 - math.exp(-seconds / STAY), 1 - math.exp(-seconds / SESSION)
        for index, device in enumerate(self.devices):
            if self._random.random() < leaves:
                self.devices[index] = self._newcomer()
            elif self._random.random() < changes:
                device.since = self._association()
            if device.is_walking:
                self._walk(device, SPEED * seconds)

    def _newcomer(self) -> Device:
        random = self._random
        prefix, maker, system = random.choice(KINDS)
        if random.random() < RANDOM_MAC:
            prefix, maker = f"{random.randrange(256) & 0xFC | 2:02X}{random.randrange(65536):04X}", None
        return Device(
            f"{prefix}{random.randrange(2**24):06X}", maker, system,
            random.uniform(0, self._columns * SPACING), random.uniform(0, self._rows * SPACING),
            random.random() < WALKING, random.choice(SSIDS),
            f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}",
            self._association(),
        )

    def _association(self) -> int:
        return self.now if self._random.random() < ASSOCIATED else 0

    def _walk(self, device: Device, metres: float) -> None:
        angle = self._random.uniform(0, 2 * math.pi)
        device.x = _within(device.x + metres * math.cos(angle), self._columns * SPACING)
        device.y = _within(device.y + metres * math.sin(angle), self._rows * SPACING)

    def nearest(self, device: Device) -> int:
        """Return the index of the access point that sees the device best."""
        column = min(int(device.x / SPACING), self._columns - 1)
        row = min(int(device.y / SPACING), self._rows - 1)
        return min(row * self._columns + column, len(self.macs) - 1)

    def neighbours(self, index: int) -> list[int]:
        """Return that access point and those beside it."""
        return [near for near in (index, index - 1, index + 1) if 0 <= near < len(self.macs)]

    def rssi(self, device: Device, index: int) -> int:
        """Return what the access point hears of the device, in dBm, with some noise."""
        distance = math.dist((device.x, device.y), self._place(index))
        heard = -38 - 30 * math.log10(max(distance, 1)) + self._random.gauss(0, 4)
        return round(min(max(heard, -97), -33))

    def _place(self, index: int) -> tuple[float, float]:
        row, column = divmod(index, self._columns)
        return (column + 0.5) * SPACING, (row + 0.5) * SPACING

    def observe(self, device: Device, index: int) -> Observation:
        """Return what that access point reports: an associated device repeats the time at which it associated."""
        is_known = device.since > 0
        seen = device.since or self.now - self._random.randrange(60_000)
        x, y = (device.x, device.y) if is_known else self._place(index)
        is_unplaced = self._random.random() < UNPLACED
        moment = datetime.datetime.fromtimestamp(seen / 1000, datetime.UTC)
        return {
            "clientMac": device.mac, "ipv4": device.ipv4 if is_known else None, "ipv6": None,
            "seenTime": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "seenEpoch": seen,
            "ssid": device.ssid if is_known else None, "rssi": self.rssi(device, index),
            "manufacturer": device.maker, "os": device.system if is_known else None, "lat": 0, "lng": 0,
            "unc": 0.1 if is_known else 0, "x": "NaN" if is_unplaced else x, "y": "NaN" if is_unplaced else y,
        }
