"""presence-cli collect."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from presence_receiver import config
from presence_receiver.cli import Invocation, console, pass_invocation, tell
from presence_receiver.errors import ConfigError

if TYPE_CHECKING:
    from presence_receiver.extras.stream.collector import Progress

LOG_SECONDS = 60


@click.command("collect")
@click.option("--data-dir", metavar="DIR", help="Where to write the files.  [PRESENCE_DATA_DIR; default: data]")
@pass_invocation
def command(invocation: Invocation, data_dir: str | None) -> None:
    """Write what receivers put into a stream to files.

    The stream is the one at PRESENCE_STREAM_URL; the files are those that a
    receiver without it writes, by the same settings. Runs until SIGTERM; a second
    one waits for its turn. What was collected is not written twice, even after
    a crash.

    \b
    Example: PRESENCE_STREAM_URL=nats://a,nats://b,nats://c presence-cli collect
    """
    settings = config.load(
        invocation.values | ({"PRESENCE_DATA_DIR": data_dir} if data_dir else {}), needs_secret=False)
    if not settings.stream_url:
        raise ConfigError("PRESENCE_STREAM_URL is missing: set it to the servers of the stream.")
    from presence_receiver.extras.stream.collector import collect
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    with _shown() as show:
        tell(_sentence(collect(settings, show)))


def _shown() -> AbstractContextManager[Callable[["Progress"], None]]:
    return _on_terminal() if sys.stderr.isatty() else nullcontext(_Log().show)


@contextmanager
def _on_terminal() -> Iterator[Callable[["Progress"], None]]:
    """One line that changes."""
    with console(sys.stderr).status("Waiting for the stream.") as status:
        yield lambda progress: status.update(_sentence(progress))


class _Log:
    """A line a minute, while there is something to say."""

    def __init__(self) -> None:
        self._next, self._last = 0.0, ""

    def show(self, progress: "Progress") -> None:
        """Tell how far it is, unless it was told a moment ago."""
        sentence = _sentence(progress)
        if time.monotonic() >= self._next and sentence != self._last:
            self._next, self._last = time.monotonic() + LOG_SECONDS, sentence
            tell(sentence)


def _sentence(progress: "Progress") -> str:
    return (f"Collected {progress.deliveries} deliveries: {progress.lines} lines, {progress.rejected} rejected; "
            f"{progress.lag} messages wait, {progress.known} came again, {progress.incomplete} were incomplete.")
