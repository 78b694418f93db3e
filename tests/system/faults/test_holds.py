"""How long we hold the lock ourselves: a start, repairs, housekeeping and replay, beside load."""
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from accounting import account
from reading import paths
from running import ROOT, wait_until
from sending import Ledger, Load

from presence_receiver.lines import stamp
from presence_receiver.validation.judge import judge_delivery

MOST_SECONDS, MOST_BYTES = 0.5, 8 << 20


class Hold(NamedTuple):
    """One holding of the lock: times in microseconds, bytes written and read meanwhile."""

    process: int
    wall: int
    cpu: int
    written: int
    read: int


def holds(control):
    return [Hold(*map(int, line.split())) for line in (control / "holds").read_text().splitlines()]


def stored(ledger, count, size, moment):
    """Lines of deliveries that were answered 200 at that moment."""
    text = []
    for _ in range(count):
        number, body = ledger.next(size)
        ledger.statuses[number] = 200
        text.append(judge_delivery(body, stamp(moment)).lines)
    return b"".join(text)


def rejected(ledger, count, size, moment):
    """Rejected lines that are good by now; the moment is a datetime."""
    text = []
    for _ in range(count):
        number, body = ledger.next(size)
        ledger.statuses[number] = 200
        kept = {"receivedAt": stamp(moment), "errors": {"old": ["rule"]}, "body": body.decode()}
        text.append(json.dumps(kept).encode() + b"\n")
    return b"".join(text)


def test_nobody_of_ours_holds_the_lock_for_long(start, faults, tmp_path, note, long):
    folder, ledger = tmp_path / "data", Ledger()
    folder.mkdir()
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    lines = stored(ledger, 1_000, long(100, 400), old)
    (folder / "presence.jsonl").write_bytes(lines + b'{"torn' + b"x" * 1_000_000)
    (folder / "rejected.jsonl").write_bytes(rejected(ledger, long(300, 1_500), 200, old))
    one = start(folder, variables=faults.variables, ROTATE_BYTES=2_000_000_000)
    with Load(one, ledger, senders=2):
        wait_until(lambda: len([*folder.glob("*-*.jsonl.gz")]) == 2 and not [*folder.glob("*-*.jsonl")], seconds=60,
                   what="the old files to be compressed")
        command = [sys.executable, "-m", "presence_receiver", "replay", *paths(folder, "rejected")]
        environment = os.environ | faults.variables | {"PRESENCE_DATA_DIR": str(folder)}
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
    found = holds(Path(faults.variables["FAULTS_CONTROL"]))
    longest = Hold(*map(max, zip(*found)))
    assert longest.cpu < MOST_SECONDS * 1_000_000
    assert longest.written <= MOST_BYTES and longest.read <= MOST_BYTES, longest
    note(f"Start, repair and replay beside load ({longest.wall // 1000} ms)", account(ledger, folder))
