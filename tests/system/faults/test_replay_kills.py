"""kill -9 of replay, again and again, beside load, rotation, compression and new rejections."""
import datetime
import gzip
import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter

from accounting import account, whole_lines
from running import AUTHORIZED, ROOT, wait_until
from sending import Ledger, Load
from system.faults.test_holds import rejected

REPLAY = """
import sys
from presence_receiver.cli import main
from presence_receiver.extras.replay import rewriting
rewriting.MOST_BYTES = 2_000
main.main()
"""
"""A replay in portions of some lines, so that a kill meets most of its steps."""


def replay(folder, path):
    environment = os.environ | {"PRESENCE_DATA_DIR": str(folder), "PRESENCE_ROTATE_BYTES": "100000"}
    return subprocess.Popen([sys.executable, "-c", REPLAY, "replay", path], cwd=ROOT, env=environment,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def rejected_files(folder):
    return sorted(folder.glob("rejected*.jsonl*"))


def bad(number):
    return json.dumps([{"observations": [{"clientMac": f"nobody-{number}"}]}]).encode()


class Rejections(threading.Thread):
    """Posts bad observations, one a delivery, until it is told to end; `count` were kept."""

    def __init__(self, receiver):
        super().__init__()
        self._receiver, self.is_over, self.count = receiver, threading.Event(), 0

    def run(self):
        while not self.is_over.is_set():
            assert self._receiver.post(bad(self.count), AUTHORIZED).status == 422
            self.count += 1


def test_replay_killed_again_and_again(start, note, long):
    one, ledger, chance = start(ROTATE_BYTES=100_000), Ledger(), random.Random(1)
    one.folder.mkdir(exist_ok=True)
    texts = [rejected(ledger, 60, 3, datetime.datetime.now(datetime.UTC)) for _ in range(3)]
    for number, text in enumerate(texts):
        path = one.folder / f"rejected-2026010{number + 1}T000000.000000Z.jsonl"
        path.write_bytes(text)
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    rejections = Rejections(one)
    with Load(one, ledger, senders=2):
        rejections.start()
        for _ in range(long(30, 300)):
            path = chance.choice(rejected_files(one.folder))
            process = replay(one.folder, path)
            try:
                process.wait(chance.uniform(0.3, 1.2))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        rejections.is_over.set()
        rejections.join()
    for path in rejected_files(one.folder):
        wait_until(lambda: not path.exists() or replay(one.folder, path).wait() == 0)
    kept = [line["observation"]["clientMac"] for line in whole_lines(one.folder, "rejected")[0]]
    assert Counter(kept) == Counter(f"nobody-{number}" for number in range(rejections.count))
    note(f"kill -9 of replay ({long(30, 300)})", account(ledger, one.folder))
