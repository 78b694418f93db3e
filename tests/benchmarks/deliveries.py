"""Deliveries as HiveManager sends them: the same bytes for the same seed.

The shape is that of the wire: one array of reports, one report per access point with 10 to 30
observations, upper-case addresses, 85 % of the devices not associated and so mostly null, and the
headers of the capture with their very long Accept-Charset. All addresses are made up.
"""

import datetime
import json
import random

SEED = 1490
SECRET = "benchmark-secret-0123456789"
OWNER_ID = 1490
EPOCH = 1463829575187  # 2016-05-21, when the published capture was made

CHARSETS = ", ".join(
    ["big5", "big5-hkscs", "cesu-8", "euc-jp", "euc-kr", "gb18030", "gb2312", "gbk", "koi8-r", "koi8-u"]
    + [f"ibm{n}" for n in (*range(273, 300), *range(420, 440), *range(850, 875), *range(1140, 1145))]
    + [f"iso-8859-{number}" for number in range(1, 16)]
    + [f"windows-{number}" for number in range(1250, 1259)]
    + [f"x-ibm{number}" for number in range(921, 1000)]
    + ["us-ascii", "utf-16", "utf-16be", "utf-16le", "utf-32", "utf-8", "x-utf-32le-bom"]
)

HEAD = (
    "POST /presence HTTP/1.1\r\n"
    "Accept: text/plain, application/json, application/*+json, */*\r\n"
    f"Accept-Charset: {CHARSETS}\r\n"
    "Content-Type: application/json\r\n"
    "Authorization: Basic {secret}\r\n"
    "Cache-Control: no-cache\r\n"
    "Pragma: no-cache\r\n"
    "User-Agent: Java/1.7.0_80\r\n"
    "Host: 127.0.0.1:{port}\r\n"
    "Connection: keep-alive\r\n"
    "Content-Length: {length}\r\n\r\n"
)


def bodies(size: int, count: int, seed: int = SEED) -> list[bytes]:
    """`count` different bodies of `size` observations each."""
    chance = random.Random(f"{seed} {size}")
    return [encoded(reports(chance, size)) for _ in range(count)]


def variety(size: int) -> int:
    """How many different bodies a load takes turns with: enough that no cache of one body helps."""
    return max(4, min(64, 20_000 // size))


def encoded(delivery) -> bytes:
    """Compact, as Java's writers do it."""
    return json.dumps(delivery, separators=(",", ":")).encode()


def reports(chance: random.Random, size: int) -> list[dict]:
    """Reports of 10 to 30 observations (the last may have fewer) that hold `size` together."""
    found = []
    while size:
        seen = min(size, chance.randint(10, 30))
        found.append(report(chance, seen))
        size -= seen
    return found


def report(chance: random.Random, size: int) -> dict:
    place = round(chance.uniform(0, 40), 6), round(chance.uniform(0, 30), 6)
    observations = [observation(chance, place) for _ in range(size)]
    return {"apMac": mac(chance), "ownerId": OWNER_ID, "observations": observations}


def observation(chance: random.Random, place: tuple[float, float]) -> dict:
    """One device; one that is not associated has the access point's own place and little else."""
    associated = chance.random() < 0.15
    epoch = EPOCH - chance.randrange(600_000)
    x, y = (round(chance.uniform(0, 40), 6), round(chance.uniform(0, 30), 6)) if associated else place
    return {
        "clientMac": mac(chance),
        "ipv4": f"10.20.{chance.randrange(256)}.{chance.randrange(1, 255)}" if associated else None,
        "ipv6": None,
        "seenTime": instant(epoch),
        "seenEpoch": epoch,
        "ssid": chance.choice(["Example Guest", "Example Staff"]) if associated else None,
        "rssi": chance.randint(-97, -33),
        "manufacturer": chance.choice(["Apple Inc", "Example Inc"]) if associated else None,
        "os": chance.choice(["Mac OS X EI Capitan", "unknown"]) if associated else None,
        "lat": 0,
        "lng": 0,
        "unc": 0.0997 if associated else 0,
        "x": x,
        "y": y,
    }


def mac(chance: random.Random) -> str:
    return f"{chance.getrandbits(48):012X}"


def instant(epoch: int) -> str:
    moment = datetime.datetime.fromtimestamp(epoch / 1000, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{epoch % 1000:03}Z"


def request(body: bytes, port: int, secret: str = SECRET) -> bytes:
    """The whole request, ready to be sent."""
    return HEAD.format(secret=secret, port=port, length=len(body)).encode() + body
