import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CLOSED = """
import os, sys
import rich.console, rich.text
from presence_receiver.cli import main
from presence_receiver.extras.privacy import find_command, forget_command
from presence_receiver.extras.replay import command
from presence_receiver.extras.simulation import command, demo
os.setresuid(12345, 12345, 12345)
main.main()
"""
"""All is imported first, since the interpreter of a test may be one that only root can read."""


@pytest.fixture
def inner():
    """A folder within one that only root can enter."""
    if os.geteuid() != 0:
        pytest.skip("This needs root.")
    folder = Path(tempfile.mkdtemp(prefix="presence-test-"))
    try:
        (folder / "inner").mkdir()
        yield folder / "inner"
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("args", [["find", "5CB901642E60"], ["forget", "--dry-run", "5CB901642E60"],
                                  ["replay", "/etc/passwd"]])
def test_a_folder_in_a_closed_one_is_told(inner, args):
    command = [sys.executable, "-c", CLOSED, *args, "--data-dir", inner]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (
        1, f"Error: {inner} lies in a folder that is closed to you: run this as the receiver's user.\n")
