import os
import subprocess
import sys

import pytest
from other_user import needs_root, reachable_folder

CLOSED = """
import os, sys
import rich.progress
import presence_receiver.extras.replay.rewriting, presence_receiver.extras.simulation.demo
from presence_receiver.cli import main
from presence_receiver.storage import become_owner, housekeeping_lock
from presence_receiver.extras.privacy import find_command, forget_command
from presence_receiver.extras.replay import command
from presence_receiver.extras.report import command, lines
from presence_receiver.extras.simulation import command
os.setresuid(12345, 12345, 12345)
main.main()
"""
"""All is imported first, since the interpreter of a test may be one that only root can read."""


@pytest.fixture
def inner():
    """A folder within one that only root can enter."""
    needs_root()
    with reachable_folder() as folder:
        (folder / "inner").mkdir()
        yield folder / "inner"


@pytest.mark.parametrize("args", [["find", "5CB901642E60"], ["forget", "--dry-run", "5CB901642E60"],
                                  ["replay", "/etc/passwd"], ["report"]])
def test_a_folder_in_a_closed_one_is_told(inner, args):
    assert refused(*args, "--data-dir", inner) == (
        f"Error: {inner} lies in a folder that is closed to you: run this as the receiver's user.\n")


def test_made_up_lines_go_into_no_folder_that_is_closed(inner):
    assert refused("simulate", "--into", inner) == (
        f"Error: {inner} cannot be read (Permission denied): give --into a new folder.\n")


def test_a_folder_in_which_nothing_can_be_made_is_no_fault_of_the_file(inner):
    os.chmod(inner.parent, 0o755)
    os.chown(inner, 12345, 12345)
    os.chmod(inner, 0o500)
    assert refused("replay", "/etc/passwd", "--data-dir", inner) == (
        "Error: The storage at PRESENCE_DATA_DIR does not let us write.\n")


def test_a_folder_that_may_be_entered_and_not_listed(inner):
    os.chmod(inner.parent, 0o755)
    os.chown(inner, 12345, 12345)
    os.chmod(inner, 0o300)
    said = f"Error: {inner} cannot be read (Permission denied): run this as the receiver's user.\n"
    assert refused("forget", "--dry-run", "5CB901642E60", "--data-dir", inner) == said
    assert refused("find", "5CB901642E60", "--data-dir", inner) == said
    assert refused("report", folder=inner) == said


def refused(*args, folder=""):
    ran = subprocess.run([sys.executable, "-c", CLOSED, *args], capture_output=True, text=True,
                         env=os.environ | {"PRESENCE_DATA_DIR": str(folder)})
    assert ran.returncode == 1
    return ran.stderr
