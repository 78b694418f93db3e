"""Many callers append at once under gevent's loop: by one writer, who share commits, and by a writer each.

    python -m tests.benchmarks.together --folder /var/tmp        prints JSON; `parts` makes a table of it

The first is what a worker does. Where nobody led the commits of others any more, it would be as slow as the second.
"""
from gevent import monkey

monkey.patch_all()

import itertools  # noqa: E402
import json  # noqa: E402
import pathlib  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402

from . import options as command  # noqa: E402
from . import receiver_parts  # noqa: E402

CALLERS = 16
LINES = b'{"receivedAt":"2026-11-22T20:15:00.123456Z","clientMac":"5CB901642E60"}\n' * 3


class Callers:
    """Append one after the other until the time is over."""

    def __init__(self, seconds: float):
        self.until, self.waited = time.monotonic() + seconds, []

    def call(self, append) -> None:
        while (began := time.monotonic()) < self.until:
            append(LINES)
            self.waited.append(time.monotonic() - began)


def measured(folder: pathlib.Path, seconds: float, writers: int) -> dict:
    commits = []
    appends = [receiver_parts.appender(folder, is_synced=True, commits=commits) for _ in range(writers)]
    for append in appends:
        append(LINES)
    commits.clear()
    callers, cpu, began = Callers(seconds), time.process_time(), time.monotonic()
    gevent.joinall([gevent.spawn(callers.call, append)
                    for append, _ in zip(itertools.cycle(appends), range(CALLERS))], raise_error=True)
    count, waited = len(callers.waited), sorted(callers.waited)
    return {"a second": count / (time.monotonic() - began), "cpu": (time.process_time() - cpu) / count,
            "p99": waited[count * 99 // 100], "a commit": count / len(commits)}


def main():
    options = command.parsed(command.parser(__doc__, seconds=1, rounds=3))
    found = {"one writer": [], "a writer each": []}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="presence-benchmark-") as name:
        for number in range(options.rounds):
            for words, writers in (("one writer", 1), ("a writer each", CALLERS)):
                found[words].append(measured(pathlib.Path(name, f"{number} {words}"), options.seconds, writers))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
