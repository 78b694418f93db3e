"""A progress bar for what takes long, on stderr and on a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from presence_receiver.cli.output import console
from presence_receiver.mask import one_line


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows a bar while it lasts; what it gives is told how many bytes are done, and of how many."""
    from rich.progress import Progress
    with Progress(console=console(sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(one_line(what), total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size)
