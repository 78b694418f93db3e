"""The streams of a command: a shell may have closed some of them, and what takes the output may take no more."""

import errno
import os
import sys

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE}


def open_closed() -> None:
    """Let a stream that was closed before the start be one that has nothing to give and forgets what it gets."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))


def is_of_output(failure: OSError) -> bool:
    """Return whether the output could not be written: files have names, and storage its own errors."""
    return failure.filename is None and failure.errno in UNWRITABLE


def forget_output() -> None:
    """Let what stdout still has to write go nowhere, or Python would complain of it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
