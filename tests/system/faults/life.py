"""A short life of a data folder: appending, closing, compressing; lived again and again, each time to another end.

Run with preload.c loaded: `life.py FOLDER TOLD crash|halved|record`. Each life is a fork with a folder of its own
in FOLDER, and a file in TOLD of what its senders were told.
"""
import ctypes
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

from presence_receiver import config
from presence_receiver.storage.housekeeping import Housekeeping
from presence_receiver.storage.writer import Writer

NUMBERS = range(1, 10)
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


def once(live, folder, told_path, arm):
    """Live in a child; whether it lived to the end."""
    folder.mkdir()
    child = os.fork()
    if not child:
        told = os.open(told_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        arm(told)
        live(folder / "data", told)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status == 0


def main(live, lives, told, mode):
    library = ctypes.CDLL(None)
    if mode == "record":
        assert once(live, lives / mode, told / mode, library.faults_record)
        return
    for call in itertools.count(1):
        name = f"{mode}-{call}"
        if once(live, lives / name, told / name, lambda _: library.faults_crash(call, mode == "halved")):
            return


def lived(script, library, where, mode):
    """Live all lives of a script's in this mode; for each its folder and the file of what was told."""
    lives, told = where / "lives", where / "told"
    lives.mkdir()
    told.mkdir()
    variables = {"LD_PRELOAD": str(library), "FAULTS_FOLDER": str(lives)}
    subprocess.run([sys.executable, script, lives, told, mode], env=os.environ | variables, check=True)
    return [(folder, told / folder.name) for folder in lives.iterdir()]


if __name__ == "__main__":
    main(live, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
