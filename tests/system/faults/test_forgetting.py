"""A device forgotten, and a crash at any system call of it: in each file all of it is there or all is gone."""
import json
import os
import random
import subprocess

import forgetting_life
import life
import pytest
from command_line import command
from forgetting_life import EXPECTED, HERS, HIS, KEY
from power_loss import Disk, calls
from reading import content, contents
from running import ROOT, wait_until
from sending import Ledger, Load

from presence_receiver.extras.privacy import keyed
from presence_receiver.storage import Writer


def files_in(folder):
    return [text for path in folder.iterdir() if not path.name.startswith(".") if (text := content(path))]


def check(folder, is_done=False):
    """Fail unless each file is as it was or as it is to be, and there once, or gone where nothing of it is to be."""
    found = files_in(folder)
    for before, after in EXPECTED:
        count = found.count(after) + (found.count(before) if before != after and not is_done else 0)
        assert count == 1 or not after and count == 0, folder
    assert len(found) <= len(EXPECTED)


def finish(folder):
    """Forget again, and see that nothing of him is left, in hidden files neither, and that all else is there."""
    assert forgetting_life.forgotten(folder) == []
    check(folder, is_done=True)
    everything = b"".join(content(path) for path in folder.iterdir())
    assert HIS.encode() not in everything and keyed.pseudonyms(KEY)(HIS).encode() not in everything
    assert {path.name for path in folder.iterdir() if path.name.startswith(".")} == {
        ".presence.lock", ".housekeeping.lock"}
    Writer(life.settings(folder)).append(forgetting_life.line(9, 9, HERS), b"")


@pytest.mark.parametrize("mode", ["crash", "halved"])
def test_a_crash_at_every_call(mode, library, tmp_path):
    count = 0
    for life_folder, told in life.lived(forgetting_life.__file__, library, tmp_path, mode):
        steps = told.read_text()
        if steps:
            count += 1
            check(life_folder / "data", is_done="told 2" in steps)
            finish(life_folder / "data")
    assert count > 20


@pytest.mark.parametrize("seed", range(2))
def test_power_loss(seed, library, tmp_path, long):
    (life_folder, told), = life.lived(forgetting_life.__file__, library, tmp_path, "record")
    recorded = list(calls(told.read_bytes(), life_folder))
    begun = recorded.index(("told", 1)) + 1
    chance = random.Random(seed)
    for attempt in range(long(100, 2_000)):
        disk = Disk()
        for call in recorded[:chance.randrange(begun, len(recorded) + 1)]:
            disk.do(*call)
        folder = tmp_path / f"lost-{attempt}"
        disk.write_survivors(folder, chance)
        check(folder / "data", is_done=2 in disk.told)
        finish(folder / "data")


def test_killed_again_and_again_under_load(start, long):
    """Some deliveries' devices are forgotten, by a command that is killed and run again, while others come."""
    chance, ledger, one = random.Random(3), Ledger(), start(ROTATE_BYTES=200_000, MAC_KEY=KEY)
    env, doomed = {**os.environ, "PRESENCE_MAC_KEY": KEY, "PRESENCE_DATA_DIR": str(one.folder)}, []
    with Load(one, ledger, senders=2, size=lambda: chance.randint(1, 60)):
        for _ in range(long(4, 40)):
            wait_until(lambda have=len(ledger.statuses): len(ledger.statuses) > have + 50, what="50 more answers")
            doomed += [number for number in ledger.numbers(200) if number not in doomed][-5:]
            with subprocess.Popen(forgetting(doomed), env=env, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
                try:
                    process.wait(chance.uniform(0.3, 2))
                except subprocess.TimeoutExpired:
                    process.kill()
    assert subprocess.run(forgetting(doomed), env=env, cwd=ROOT, timeout=120).returncode == 0
    mask, gone = keyed.pseudonyms(KEY), {*doomed}
    found = [json.loads(line) for text in contents(one.folder) for line in text.splitlines()]
    wanted = [(mask(f"{number:012x}"), index) for number in ledger.numbers(200) if number not in gone
              for index in range(ledger.sizes[number])]
    assert sorted((line["clientMac"], line["seenEpoch"]) for line in found) == sorted(wanted)
    assert gone and len(wanted) > len(gone)


def forgetting(numbers):
    return command("forget", "--yes", *(f"{number:012X}" for number in numbers))
