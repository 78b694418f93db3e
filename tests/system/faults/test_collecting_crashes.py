"""A crash between any two system calls of collecting, within any write, and a power cut: nothing lost or doubled."""
import json
import os
import random
from collections import Counter

import collecting_life
import life
import pytest
from accounting import whole_lines
from power_loss import Disk, calls

from presence_receiver.extras.stream.position import Position
from presence_receiver.storage.writer import Writer


def stored(folder, stem):
    """How often each message's lines are there; fails where one is torn."""
    lines, torn = whole_lines(folder, stem)
    assert torn == 0
    return Counter(int(line["clientMac"], 16) for line in lines if "clientMac" in line)


def numbers(counts):
    assert set(counts.values()) <= {life.SIZE}, counts
    return set(counts)


def check(folder, acknowledged):
    """What was acknowledged is there; the position says what is there; the rest is collected once more, and once."""
    folder.mkdir(exist_ok=True)
    Writer(life.settings(folder)).resolve()
    position = {number for number in life.NUMBERS if number in Position.read(folder, collecting_life.STREAM)}
    assert acknowledged <= position
    assert numbers(stored(folder, "presence")) == position
    told = os.open(os.devnull, os.O_WRONLY)
    collecting_life.live(folder, told)
    os.close(told)
    assert numbers(stored(folder, "presence")) == set(life.NUMBERS)
    assert numbers(stored(folder, "rejected")) == {number for number in life.NUMBERS if number % 2}


def keep_inodes(folder):
    """A disk keeps a file's number through a power cut; the survivors here are new files."""
    journal = folder / ".replay.journal"
    if journal.exists():
        note = json.loads(journal.read_text())
        for grown in note["grown"]:
            grown["inode"] = (folder / grown["path"]).stat().st_ino
        journal.write_text(json.dumps(note))


@pytest.mark.parametrize("mode", ["crash", "halved"])
def test_a_crash_at_every_call(mode, library, tmp_path):
    lives = life.lived(collecting_life.__file__, library, tmp_path, mode)
    for life_folder, told in lives:
        check(life_folder / "data", {int(line.split()[1]) for line in told.read_text().splitlines()})
    assert len(lives) > 20


def test_power_loss(library, tmp_path, long):
    (life_folder, told), = life.lived(collecting_life.__file__, library, tmp_path, "record")
    recorded = list(calls(told.read_bytes(), life_folder))
    chance = random.Random(1)
    for attempt in range(long(150, 3_000)):
        disk = Disk()
        for call in recorded[:chance.randrange(1, len(recorded) + 1)]:
            disk.do(*call)
        data = tmp_path / f"lost-{attempt}" / "data"
        disk.write_survivors(data.parent, chance)
        keep_inodes(data)
        check(data, set(disk.told))
