"""Where no thread can be begun: deliveries are refused, and all is well again when there are some."""
import os
import subprocess
import sys

import pytest
from other_user import NOBODY, give_away, reachable_folder
from reading import lines

WITHOUT_THREADS = """
import datetime, gevent.monkey, os, resource, sys, time
if sys.argv[2] == "gevent":
    gevent.monkey.patch_all()
    gevent.get_hub().threadpool
from pathlib import Path
from presence_receiver import config, lines
from presence_receiver.errors import StorageError
from presence_receiver.storage import LastDelivery, Writer, file_lock
line = lambda text: f'{{"receivedAt":"{lines.stamp(datetime.datetime.now(datetime.UTC))}","text":"{text}"}}\\n'.encode()
folder = Path(sys.argv[1])
one = Writer(config.load({"PRESENCE_DATA_DIR": str(folder)}, needs_secret=False))
last = LastDelivery(folder)
if os.geteuid() == 0:
    os.setresuid(*[int(sys.argv[3])] * 3)
with file_lock.FileLock(folder / ".presence.lock").held():  # without gevent a thread is begun for waiting alone
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, most))
    for _ in range(3):
        last.note()
        try:
            one.append(line("refused"), b"")
        except StorageError as error:
            print(error.kind, flush=True)
    if sys.argv[2] == "gevent":
        assert not len(gevent.get_hub().threadpool)  # what is in its queue, another thread would do
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
for _ in range(2):
    one.append(line("stored"), b"")
while not last._turn.acquire(blocking=False):
    time.sleep(0.01)
os._exit(0)  # whatever coverage would write, another user's file is it
"""
"""A second user, since root has as many threads as it likes."""


@pytest.fixture
def folder():
    """A data folder that the second user can reach, and that is its own."""
    with reachable_folder() as made:
        if os.geteuid() == 0:
            give_away(made)
        yield made


@pytest.mark.parametrize("kind", ["gevent", "threads"])
def test_a_moment_without_threads(folder, kind):
    ran = subprocess.run([sys.executable, "-c", WITHOUT_THREADS, folder, kind, str(NOBODY)], capture_output=True,
                         text=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr.count("Traceback")) == (0, "input/output\n" * 3, 0), ran.stderr
    assert [line["text"] for line in lines(folder)] == ["stored"] * 2
