"""How the command line writes: words to stderr, data to stdout, colours on a terminal only.

rich is imported when something is written in it; help and usage errors need none.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from presence_receiver.mask import HIDDEN, one_line
from presence_receiver.subscriptions import Subscription, Subscriptions

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

UNLIMITED = 100_000  # columns, where no terminal says how many there are
COLUMNS = {"ID": "id", "APPLICATION": "application", "URL": "url", "MESSAGE TYPE": "messageType",
           "STATUS": "status", "CREATED": "created", "SECRET": "secret"}


def console(stream: TextIO) -> "Console":
    """Return one that escapes (bold too) only on a terminal, never with NO_COLOR; without one nothing is cut."""
    from rich.console import Console
    if not stream.isatty():
        return Console(file=stream, width=UNLIMITED, height=100, color_system=None, force_terminal=False)
    return Console(file=stream, color_system=None if os.environ.get("NO_COLOR") else "auto")


def tell(sentence: str, label: str = "", colour: str = "") -> None:
    """Write one line to stderr, without anything that a terminal would obey."""
    from rich.text import Text
    words = Text().append(label, style=colour).append(one_line(sentence))
    console(sys.stderr).print(words, soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, on a terminal only; what it gives is told how many bytes are done, and of how many."""
    from rich.progress import Progress
    with Progress(console=console(sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(one_line(what), total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size)


def warn(sentence: str) -> None:
    """Tell what is no failure but should be seen."""
    tell(sentence, "Warning: ", "bold yellow")


def complain(sentence: str) -> None:
    """Tell why it failed."""
    tell(sentence, "Error: ", "bold red")


def write_table(listed: Subscriptions, shows_secrets: bool, stream: TextIO) -> None:
    """Write a row for each; where the terminal is too narrow for whole cells, a line for each field."""
    out = console(stream)
    rows = [record(item, shows_secrets) for item in listed]
    table = as_rows(rows)
    is_too_wide = out.measure(table, options=out.options.update(width=UNLIMITED)).maximum > out.width
    out.print(as_blocks(rows) if is_too_wide else table)


def as_rows(rows: list[dict[str, str | None]]) -> "Table":
    """Return a row for each record below the titles."""
    from rich.table import Table
    table = Table(*COLUMNS, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(cell(row[key]) for key in COLUMNS.values()))
    return table


def as_blocks(rows: list[dict[str, str | None]]) -> "Table":
    """Return a title and a value in each line, an empty line between records; long values go on in the next line."""
    from rich.table import Table
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for number, row in enumerate(rows):
        if number:
            table.add_row()
        for title, key in COLUMNS.items():
            table.add_row(title, cell(row[key]))
    return table


def cell(value: str | None) -> "Text":
    """Return a value as it is, without markup."""
    from rich.text import Text
    return Text("-" if value is None else one_line(str(value)))


def record(item: Subscription, shows_secrets: bool) -> dict[str, str | None]:
    """Return a subscription as programs get it."""
    secret = item.secret if shows_secrets or item.secret is None else HIDDEN
    return {"id": item.id, "application": item.application, "url": item.url, "messageType": item.message_type,
            "status": item.status, "created": item.created, "secret": secret}


def called() -> str:
    """Return what to type for this command line, as it was typed."""
    name = os.path.basename(sys.argv[0])
    return sys.argv[0] if name == "presence-cli" else "python -m presence_receiver" if name == "__main__.py" else (
        "presence-cli")


def counted(number: int, one: str, many: str) -> str:
    """Return so many of something, in words: 1 delivery, 1,200 deliveries."""
    return f"{number:,} {one if number == 1 else many}"


def as_json(value: object) -> str:
    """Return one line of JSON; what a terminal would obey or hide is escaped, also where JSON need not."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
