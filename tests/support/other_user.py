"""Files of another user's, in a folder that one can reach: pytest's own are closed to all others."""
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

NOBODY = 65534


@contextlib.contextmanager
def reachable_folder():
    """A new folder outside pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="presence-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("This needs root.")


def give_away(folder, user=NOBODY):
    """Make the folder and all in it that user's."""
    for path in (folder, *folder.iterdir()):
        os.chown(path, user, user)
