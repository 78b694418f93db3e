"""A running gunicorn with the worker and an application that echoes."""
from pathlib import Path

from processes import opened
from running import Receiver

HERE = str(Path(__file__).parent)
ESTABLISHED, CLOSE_WAIT = "01", "08"
"""As /proc/net/tcp writes them."""


def echo(folder, *arguments, workers=1):
    """A server of `echo.application`; gunicorn's `arguments` are added."""
    variables = {"PYTHONPATH": HERE, "GUNICORN_CMD_ARGS": " ".join(arguments)}
    one = Receiver(folder / "data", folder / "log", workers=workers, variables=variables)
    one.command[-1] = "echo:application"
    return one


def descriptors(one):
    """How many files and sockets its only worker has open."""
    (worker,) = one.workers()
    return len(opened(worker))


def connection_count(one):
    """How many connections its workers have not closed yet."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{one.port:04X}") and row[3] in (ESTABLISHED, CLOSE_WAIT) for row in rows)
