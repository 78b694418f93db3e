"""presence-cli collect."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from presence_receiver import config
from presence_receiver.cli import Invocation, console, pass_invocation, tell
from presence_receiver.errors import ConfigError
from presence_receiver.storage import become_owner

LOG_SECONDS = 60
PROVIDERS = ("AWS_", "AZURE_", "GOOGLE_")


@click.command("collect")
@click.option("--data-dir", metavar="DIR", help="Where to write the files.  [PRESENCE_DATA_DIR; default: data]")
@click.option("--once", is_flag=True, help="Collect what is there and end, for a cron job.")
@click.option("--take-over", is_flag=True, help="Collect into DIR what another folder was collected into before.")
@pass_invocation
def command(invocation: Invocation, data_dir: str | None, once: bool, take_over: bool) -> None:
    """Write what receivers put into a bucket to files.

    The bucket is the one at PRESENCE_BUCKET_URL; the files are those that a
    receiver without it writes, by the same settings. Runs until SIGTERM; a second
    one waits for its turn. What was collected is not written twice, even after
    a crash.

    \b
    Example: PRESENCE_BUCKET_URL=s3://presence/lines presence-cli collect
    """
    settings = bucket_settings(invocation, data_dir)
    become_owner(settings.data_dir)
    from presence_receiver.extras.bucket.collector import Collector
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    with _shown() as show:
        collector = Collector(settings, show, is_taking_over=take_over)
        collector.run(is_once=once)
    if collector.is_interrupted and sys.stderr.isatty():
        click.echo(err=True)  # ends the line of ^C
    tell(str(collector.progress))
    if collector.is_interrupted:
        raise click.Abort


def bucket_settings(invocation: Invocation, data_dir: str | None = None) -> config.Settings:
    """Return the settings, with a bucket; what the env file says to the provider's client goes into the environment."""
    settings = invocation.settings(data_dir)
    if not settings.bucket_url:
        raise ConfigError("PRESENCE_BUCKET_URL is missing: set it to the bucket that the receivers have.")
    os.environ.update({name: value for name, value in invocation.values.items() if name.startswith(PROVIDERS)})
    return settings


@contextmanager
def _shown() -> Iterator[Callable[[str], None]]:
    """Show one line that changes, on a terminal; else a line now and then."""
    if sys.stderr.isatty():
        with console(sys.stderr).status("Waiting for the bucket.") as status:
            yield status.update
    else:
        yield _Log().show


class _Log:
    """A line a minute, while there is something to say."""

    def __init__(self) -> None:
        self._next, self._last = 0.0, ""

    def show(self, sentence: str) -> None:
        """Tell how far it is, unless it was told a moment ago."""
        if time.monotonic() >= self._next and sentence != self._last:
            self._next, self._last = time.monotonic() + LOG_SECONDS, sentence
            tell(sentence)
