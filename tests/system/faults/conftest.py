"""What the faults share: the preloaded library, the folders, and the table at the end."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
IS_LONG = bool(os.environ.get("PRESENCE_TEST_LONG"))
COLUMNS = ("fault", "deliveries", "accepted observations", "lines found", "lost", "doubled", "torn")
ROWS = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[ROWS] = []


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def note(request):
    """Put an Account into the table at the end, and fail unless nothing in it is wrong."""

    def note_one(fault, found, loses=False):
        request.config.stash[ROWS].append((fault, *found[:6]))
        assert found.wrong[loses:] == (0, 0, 0, 0)[loses:], found

    return note_one


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[ROWS]:
        terminalreporter.write_line("")
        for line in table([COLUMNS, *config.stash[ROWS]]):
            terminalreporter.write_line(line)


def table(rows):
    """The lines of a reStructuredText table; the first row is its head."""
    rows = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ruler = "  ".join("=" * width for width in widths)
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip() for row in rows]
    return [ruler, lines[0], ruler, *lines[1:], ruler]


@pytest.fixture
def long():
    """Pick the short or the long run's figure."""
    return lambda short, long: long if IS_LONG else short


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """preload.c, compiled."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is missing")
    path = tmp_path_factory.mktemp("preload") / "faults.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", path, HERE / "preload.c"], check=True)
    return path


class Faults:
    """Faults that can be switched on and off while a receiver runs with `variables` in its environment."""

    def __init__(self, library, folder, control):
        control.mkdir()
        self._control = control
        self.variables = {"LD_PRELOAD": str(library), "FAULTS_FOLDER": str(folder), "FAULTS_CONTROL": str(control)}

    def on(self, name, value=""):
        (self._control / f".{name}").write_text(str(value))
        (self._control / f".{name}").rename(self._control / name)

    def off(self, name):
        (self._control / name).unlink()


@pytest.fixture
def faults(library, tmp_path):
    return Faults(library, tmp_path / "data", tmp_path / "control")
