"""A short life of a data folder: appending, closing, compressing; lived again and again, each time to another end.

Run with preload.c loaded: `life.py FOLDER TOLD record|crash|halved|again`. Each life is a fork with a folder of its
own in FOLDER, and a file in TOLD of what its senders were told.
"""
import ctypes
import itertools
import os
import shutil
import signal
import sys
from pathlib import Path

from presence_receiver import config
from presence_receiver.housekeeping import Housekeeping
from presence_receiver.writer import Writer

NUMBERS = range(1, 10)
CRASHED = 98
"""The delivery in whose restart there is another crash."""

SIZE = 3
LINE = '{"receivedAt":"2026-11-22T20:15:00.123456Z","clientMac":"%012X","seenEpoch":%d,"ssid":"%s"}\n'
YEARS = 100 * 366 * 86_400


def settings(folder):
    """Few lines to a file, so that each life sees several of them closed."""
    values = {"SECRET": "hunter22", "DATA_DIR": str(folder), "ROTATE_BYTES": "1500", "ROTATE_SECONDS": str(YEARS)}
    return config.load({f"PRESENCE_{name}": value for name, value in values.items()})


def batch(number):
    """The lines of delivery `number`, some of them longer than a page."""
    return "".join(LINE % (number, index, "x" * (5_000 if number == 5 else 30)) for index in range(SIZE)).encode()


def live(folder, told):
    """Append, tell that it is on disk, and now and then do what housekeeping does."""
    writer, housekeeping = Writer(settings(folder)), Housekeeping(settings(folder))
    for number in NUMBERS:
        writer.append(batch(number), batch(number) if number % 2 else b"")
        os.write(told, b"told %d\n" % number)
        if number % 3 == 0:
            housekeeping.run_round()


def restart(folder, number):
    """What the next start and the next delivery do."""
    Writer(settings(folder)).append(batch(number), batch(number))
    Housekeeping(settings(folder)).run_round()


def once(told, arm, function, *arguments):
    """Call the function in a child that was armed with a fault; whether it lived to the end.

    `told` is the path of the file that arming and function get as their last argument, opened.
    """
    child = os.fork()
    if not child:
        descriptor = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        arm(descriptor)
        function(*arguments, descriptor)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status == 0


def record(lives, told):
    """One life, its calls noted between what was told."""
    (lives / "record").mkdir()
    assert once(told / "record", LIBRARY.faults_record, live, lives / "record" / "data")


def crash(lives, told, is_halved=False):
    """One life up to the first call, one up to the second, and so on until there are no more."""
    for call in itertools.count(1):
        name = f"{'halved' if is_halved else 'crash'}-{call}"
        (lives / name).mkdir()
        if once(told / name, lambda _: LIBRARY.faults_crash(call, is_halved), live, lives / name / "data"):
            return


def halved(lives, told):
    """The same, each with half of a write done."""
    crash(lives, told, is_halved=True)


def again(lives, told):
    """For every so many of these lives: its restart up to the first call, up to the second, and so on."""
    halved(lives, told)
    for life in sorted(lives.iterdir())[::int(os.environ["STEP"])]:
        for call in itertools.count(1):
            name = f"{life.name}-again-{call}"
            shutil.copytree(life, lives / name)
            shutil.copyfile(told / life.name, told / name)
            folder = lives / name / "data"
            if once(os.devnull, lambda _: LIBRARY.faults_crash(call, 0), restart_crashing, folder):
                break


def restart_crashing(folder, _):
    restart(folder, CRASHED)


if __name__ == "__main__":
    LIBRARY = ctypes.CDLL(None)
    modes = {"record": record, "crash": crash, "halved": halved, "again": again}
    modes[sys.argv[3]](Path(sys.argv[1]), Path(sys.argv[2]))
