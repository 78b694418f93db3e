"""A crash between any two system calls of appending, closing and compressing, and within any write."""
import random

import life
import pytest
from accounting import Account, whole_lines
from power_loss import Disk, calls

from presence_receiver.storage.housekeeping import Housekeeping
from presence_receiver.storage.writer import Writer

LAST = 99


def restart(folder):
    """What the next start and the next delivery do."""
    folder.mkdir(exist_ok=True)
    Writer(life.settings(folder)).append(life.batch(LAST), life.batch(LAST))
    Housekeeping(life.settings(folder)).run_round()


def account(folder, told):
    """Deliveries that were told to be on disk, and the lines and rejected lines that are; one may be unanswered."""
    unanswered, odd = max(told, default=0) + 1, {number for number in told if number % 2}
    return total([
        account_stem(folder, "presence", {*told, LAST}, unanswered),
        account_stem(folder, "rejected", {*odd, LAST}, unanswered),
    ])


def account_stem(folder, stem, told, unanswered):
    lines, torn = whole_lines(folder, stem)
    found = [(int(line["clientMac"], 16), line["seenEpoch"]) for line in lines if "clientMac" in line]
    wanted, welcome = (
        {(number, index) for number in numbers for index in range(life.SIZE)} for numbers in (told, {*told, unanswered})
    )
    return Account(
        len(told), len(wanted), len(found), len(wanted - {*found}), len(found) - len({*found}), torn,
        len({*found} - welcome),
    )


def total(accounts):
    return Account(*map(sum, zip(*accounts, strict=True)))


def told_in(path):
    return {int(line.split()[1]) for line in path.read_text().splitlines()}


def only_known(folder):
    """No name is left over but those that the storage's page has."""
    names = {path.name for path in folder.iterdir()}
    hidden = {name for name in names if name.startswith(".")}
    return hidden <= {".presence.lock", ".housekeeping.lock"} and not any(f"{name}.gz" in names for name in names)


@pytest.mark.parametrize("mode, fault", [
    ("crash", "A crash between any two system calls"), ("halved", "A crash within any write"),
])
def test_a_crash_at_every_call(mode, fault, library, tmp_path, note):
    accounts = []
    for life_folder, told in life.lived(life.__file__, library, tmp_path, mode):
        folder = life_folder / "data"
        restart(folder)
        accounts.append(account(folder, told_in(told)))
        assert accounts[-1].wrong == (0, 0, 0, 0), folder
        assert only_known(folder)
    assert len(accounts) > 20
    note(f"{fault} ({len(accounts)})", total(accounts))


@pytest.mark.parametrize("seed", range(3))
def test_power_loss(seed, library, tmp_path, note, long):
    (life_folder, told), = life.lived(life.__file__, library, tmp_path, "record")
    recorded = list(calls(told.read_bytes(), life_folder))
    chance, accounts = random.Random(seed), []
    for attempt in range(long(150, 3_000)):
        count = chance.randrange(1, len(recorded) + 1)
        disk = Disk()
        for call in recorded[:count]:
            disk.do(*call)
        folder = tmp_path / f"lost-{attempt}"
        disk.write_survivors(folder, chance)
        restart(folder / "data")
        accounts.append(account(folder / "data", disk.told))
        assert accounts[-1].wrong == (0, 0, 0, 0), (folder, count)
    note(f"Power loss, sample {seed} ({len(accounts)})", total(accounts))
