"""The life of a folder into which a bucket is collected: every request and every call on the files a point to die at.

Run as life.py is. Each life has objects of its own in the bucket, below its own name.
"""
import dataclasses
import os
import sys
from pathlib import Path

import life

sys.path.append(str(Path(__file__).parents[2] / "support"))

from buckets import Store  # noqa: E402

from presence_receiver.extras.bucket import collector  # noqa: E402
from presence_receiver.extras.bucket.names import Name  # noqa: E402
from presence_receiver.extras.bucket.store import Bucket  # noqa: E402

PROCESS = "0123456789abcdef" * 2
STEPS = ("put", "get", "delete", "move")
FAULTY = Name("20261122T201500.123456Z", PROCESS, 99, 0)


def store(name):
    """The life's part of the bucket; open it in the process that uses it."""
    return Store(int(os.environ["BUCKET_PORT"]), "lives", name)


def fill(where):
    """One object a commit, as a receiver writes them; every other one has rejected lines, too; and a faulty one."""
    where.put(FAULTY.path, b"torn")
    for number in life.NUMBERS:
        accepted, rejected = life.batch(number), life.batch(number) if number % 2 else b""
        where.put(Name("20261122T201500.123456Z", PROCESS, number, len(accepted)).path, accepted + rejected)


def collect(folder, name):
    """Collect all that there is, in several commits."""
    os.environ.update(store(name).variables)
    collector.MOST_OBJECTS = 4
    settings = dataclasses.replace(life.settings(folder), bucket_url=store(name).url)
    run = collector.Collector(settings, lambda sentence: None)
    run.run(is_once=True)
    return run.progress


def stepping(method, descriptor):
    """The method, with a write of ours before and after it: points to die at."""
    def stepped(*arguments):
        os.write(descriptor, b"before\n")
        done = method(*arguments)
        os.write(descriptor, b"after\n")
        return done

    return stepped


def live(folder, told):
    """Collect, with each request between two points to die at."""
    fill(store(folder.parent.name))
    steps = os.open(folder.parent / "steps", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for name in STEPS:
        setattr(Bucket, name, stepping(getattr(Bucket, name), steps))
    collect(folder, folder.parent.name)


if __name__ == "__main__":
    life.main(live, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
