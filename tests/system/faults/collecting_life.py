"""The life of a folder into which a collector writes: lines and position in one commit, again and again.

Run as life.py is; what was told is what was acknowledged to the stream.
"""
import os
import sys
from pathlib import Path

import life

from presence_receiver.extras.stream.position import Position
from presence_receiver.storage.writer import Writer

STREAM = "presence"


def live(folder, told):
    """Commit each message that is not there yet, then acknowledge it."""
    writer = Writer(life.settings(folder))
    writer.resolve()
    position = Position.read(folder, STREAM)
    for number in life.NUMBERS:
        if number not in position:
            position = position.with_([number])
            writer.exchange(life.batch(number), position.replacing, life.batch(number) if number % 2 else b"")
        os.write(told, b"told %d\n" % number)


if __name__ == "__main__":
    life.main(live, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
