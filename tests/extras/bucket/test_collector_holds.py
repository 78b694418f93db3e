"""How long the collector keeps the lock on the files from receivers that write into the same folder."""
import threading
import time

import pytest
from objects import line, name, once
from reading import lines

from presence_receiver.extras.bucket.collector import MOST_BYTES, _commits
from presence_receiver.extras.bucket.inbox import Listed
from presence_receiver.storage import FileLock

LONGEST = 0.5
MIB = 1024 * 1024
OBJECT = line(1) * (MIB // len(line(1)))


class Waiting:
    """Asks for the lock again and again, as a delivery does; `longest` is how long it waited at most."""

    def __init__(self, folder):
        self._lock, self._stop, self.times = FileLock(folder / ".presence.lock"), threading.Event(), []
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.wait(0.002):
            begun = time.monotonic()
            with self._lock.held():
                self.times.append(time.monotonic() - begun)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@pytest.mark.slow
def test_a_backlog_holds_the_lock_for_half_a_second_at_most(store, collect, folder, capsys):
    """In each commit, whatever a lock that is asked for between two of them costs."""
    folder.mkdir()
    for number in range(40):
        store.put(name(number, accepted=len(OBJECT)).path, OBJECT + line(number))
    with Waiting(folder) as waiting:
        once(collect, folder)
    assert len(lines(folder)) == 40 * (MIB // len(line(1)))
    with capsys.disabled():
        print(f"\nlongest wait for a lock beside a collector of 40 MiB: {max(waiting.times):.3f} s")
    assert max(waiting.times) < LONGEST


def test_commits_are_small():
    sizes = [MIB, 8 * MIB, 7 * MIB, MIB, 1, 20 * MIB, *[1] * 100]
    commits = list(_commits([Listed(name(number), size) for number, size in enumerate(sizes)]))
    assert [each.name.number for commit in commits for each in commit] == [*range(len(sizes))]
    assert [[each.size for each in commit] for commit in commits[:5]] == [
        [MIB], [8 * MIB], [7 * MIB, MIB], [1], [20 * MIB]]
    assert [len(commit) for commit in commits[5:]] == [64, 36]
    assert MOST_BYTES == 8 * MIB
