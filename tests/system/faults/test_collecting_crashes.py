"""A crash at any request or system call of collecting, and within any write: nothing lost, doubled or torn."""
import os
from collections import Counter

import collecting_life
import life
import pytest
from accounting import whole_lines
from buckets import Store, light_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with light_server(tmp_path_factory.mktemp("server") / "log") as one:
        Store(one.port, "lives").make()
        os.environ["BUCKET_PORT"] = str(one.port)
        yield one
        del os.environ["BUCKET_PORT"]


def stored(folder, stem):
    """How many of each object's lines are there; fails where one is torn."""
    lines, torn = whole_lines(folder, stem)
    assert torn == 0
    return Counter(int(line["clientMac"], 16) for line in lines if "clientMac" in line)


def check(folder):
    """Fail unless each object's lines are there, once."""
    assert stored(folder, "presence") == {number: life.SIZE for number in life.NUMBERS}, folder
    assert stored(folder, "rejected") == {number: life.SIZE for number in life.NUMBERS if number % 2}, folder


@pytest.mark.parametrize("mode", ["crash", "halved"])
def test_a_crash_at_every_point(mode, library, server, tmp_path):
    lives = life.lived(collecting_life.__file__, library, tmp_path, mode)
    for life_folder, _ in lives:
        folder, name = life_folder / "data", life_folder.name
        collecting_life.collect(folder, name)
        check(folder)
        assert collecting_life.store(name).paths() == [f"aside/{collecting_life.FAULTY}", "collector.json"]
        collecting_life.fill(collecting_life.store(name))
        assert collecting_life.collect(folder, name).known == len(life.NUMBERS)
        check(folder)
    assert len(lives) > 20
