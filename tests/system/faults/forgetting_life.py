"""A short life in which a device is forgotten; run as life.py is. Told are 1 when the files are there, 2 at its end."""
import gzip
import os
import sys
from contextlib import nullcontext
from pathlib import Path

import life

sys.path.append(str(Path(__file__).parents[2] / "support"))

from devices import DEVICES  # noqa: E402

from presence_receiver.extras.privacy import keyed  # noqa: E402
from presence_receiver.extras.privacy.device import Devices  # noqa: E402
from presence_receiver.extras.privacy.forgetting import forget  # noqa: E402
from presence_receiver.storage import Writer  # noqa: E402

HIS, HERS, _ = DEVICES
KEY = "a key that nobody guesses"
STAMP = "2026-11-22T20:15:00.123456Z"
NAMES = {
    "presence-20261101T000000.000000Z.jsonl": "both", "presence-20261102T000000.000000Z.jsonl.gz": "both",
    "presence-20261103T000000.000000Z.jsonl": "his", "presence-20261104T000000.000000Z.jsonl.gz": "hers",
    "rejected-20261105T000000.000000Z.jsonl.gz": "bodies", "presence.jsonl": "both", "rejected.jsonl": "bodies",
}


def line(number, index, device):
    return f'{{"receivedAt":"{STAMP}","clientMac":"{device}","file":{number},"line":{index}}}\n'.encode()


def body(number, index, device):
    return f'{{"receivedAt":"{STAMP}","errors":{{}},"body":"{device}, file {number}, {index}"}}\n'.encode()


def contents(number, kind):
    """A file's bytes before and after; long enough for several writes."""
    mask = keyed.pseudonyms(KEY)(HIS)
    if kind == "bodies":
        before = [body(number, index, HIS if index % 2 else HERS) for index in range(400)]
        return b"".join(before), b"".join(before).replace(HIS.encode(), b"*" * 12)
    devices = {"both": (HIS, HERS, mask), "his": (HIS, mask), "hers": (HERS,)}[kind]
    before = [(device, line(number, index, device)) for index in range(400) for device in devices]
    return b"".join(text for _, text in before), b"".join(text for device, text in before if device == HERS)


EXPECTED = [contents(number, kind) for number, kind in enumerate(NAMES.values())]


def prepare(folder):
    """Make all files, safe from a power cut."""
    settings = life.settings(folder)
    Writer(settings).append(EXPECTED[5][0], EXPECTED[6][0])
    for (name, _), (before, _) in zip(NAMES.items(), EXPECTED):
        if not (folder / name).exists():
            with open(folder / name, "wb") as file:
                file.write(gzip.compress(before) if name.endswith(".gz") else before)
                file.flush()
                os.fsync(file.fileno())
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def forgotten(folder):
    """Forget him, and say why a file was left."""
    show = lambda name: nullcontext(lambda done, size: None)  # noqa: E731
    return [found.fault for found in forget(life.settings(folder), Devices([HIS], [KEY]), show) if found.fault]


def live(folder, told):
    prepare(folder)
    os.write(told, b"told 1\n")
    assert forgotten(folder) == []
    os.write(told, b"told 2\n")


if __name__ == "__main__":
    life.main(live, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
