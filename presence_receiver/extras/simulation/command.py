"""presence-cli simulate."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import click

from presence_receiver.app import kept
from presence_receiver.as_sent import AS_SENT, AsSent
from presence_receiver.cli import (
    Invocation, Number, as_json, checked, checked_url, console, counted, feed_secret, in_seconds, insecure_http,
    pass_invocation, secret_file, tell,
)
from presence_receiver.errors import CallFailed
from presence_receiver.extras.simulation import accounting, demo, traffic
from presence_receiver.extras.simulation.posting import posting
from presence_receiver.extras.simulation.tally import Tally
from presence_receiver.http_client import is_loopback

CHANGED = ("Where the receiver has PRESENCE_MAC_KEY or PRESENCE_DROP_FIELDS, give this command the same, "
           "for lines then differ from what was sent.")


@click.command("simulate")
@click.argument("url", required=False)
@click.option("--aps", type=click.IntRange(1, 10_000), default=4, metavar="N", help="Access points.  [default: 4]")
@click.option("--devices", type=click.IntRange(0, 10_000), default=8, metavar="N",
              help="Around each of them.  [default: 8]")
@click.option("--interval", type=Number(1, 86_400), default=60, metavar="SECONDS",
              help="Between reports.  [default: 60]")
@click.option("--duration", callback=in_seconds, default="60", metavar="TIME",
              help="How long: 90s, 15m, 1h; with --into, the time that the lines span, such as 7d.  [default: 60]")
@click.option("--speed", type=Number(0, 1_000_000, min_open=True), default=1, metavar="X",
              help="Times faster.  [default: 1]")
@click.option("--shape", type=click.Choice(traffic.SHAPES), default="array", metavar="SHAPE",
              help="array (the default), flat, client-centric.")
@click.option("--bad", type=Number(0, 1), default=0, metavar="P",
              help="Share of bad observations.  [default: 0]")
@click.option("--verify", type=click.Path(file_okay=False, path_type=Path), metavar="DATA_DIR",
              help="Look for every observation in the files.")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Post nothing: write files, of DURATION until now.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table",
              help="For people (the default) or for programs.")
@secret_file
@insecure_http
@pass_invocation
def command(invocation: Invocation, /, url: str | None, verify: Path | None, into: Path | None, output: str,
            secret_file: BinaryIO | None, insecure_http: bool, **options: Any) -> None:
    """Send deliveries to URL as HiveManager would.

    Ctrl-C ends it; --verify exits 1 if an observation is lost or doubled.

    \b
    Example: presence-cli simulate http://localhost:8000/presence --speed 60
    """
    plan = traffic.Plan(access_points=options.pop("aps"), **options)
    keeping = kept(invocation.settings()) if verify else AS_SENT
    tally = Tally(owner_id=secrets.randbelow(2**31))
    if bool(url) == bool(into):
        raise click.UsageError("Give either URL or --into.")
    if url:
        checked_url(url, insecure_http or is_loopback(url))
        secret = checked(feed_secret(invocation, secret_file))
        steps = traffic.run(plan, posting(invocation, url, secret, tally, verify), tally, Random())
    else:
        steps = demo.write(plan, into or Path(), tally, Random())
    is_interrupted = run(steps, tally, plan.duration if url else None)
    has_answers = bool(url)
    click.echo(as_json(summary(tally, has_answers)) if output == "json" else table(tally, has_answers))
    if tally.statuses or not is_interrupted:
        fail_if_wrong(tally, verify or into, keeping)
    if is_interrupted:
        raise click.Abort


def run(steps: Iterator[None], tally: Tally, duration: float | None) -> bool:
    """Take the steps, and return whether Ctrl-C ended them."""
    try:
        with progress(tally, duration) as show:
            for _ in steps:
                show()
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            click.echo(err=True)  # ends the line of ^C
        return True
    return False


@contextmanager
def progress(tally: Tally, duration: float | None) -> Iterator[Any]:
    """Show a line on a terminal that is gone at the end; yield what draws it anew."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    is_hidden = not sys.stderr.isatty()
    with Progress(*columns, console=console(sys.stderr), transient=True, disable=is_hidden) as bar:
        task = bar.add_task("", total=duration)

        def show() -> None:
            counts = f"{tally.accepted:,} accepted, {tally.rejected:,} rejected"
            bar.update(task, description=f"{counted(tally.deliveries, 'delivery', 'deliveries')}, {counts}",
                       completed=bar.tasks[task].elapsed)

        show()
        yield show


def summary(tally: Tally, has_answers: bool) -> dict[str, Any]:
    """Return what came of it, for programs; times in seconds."""
    counts = {
        "deliveries": tally.deliveries, "observations": tally.observations, "accepted": tally.accepted,
        "rejected": tally.rejected,
    }
    times = {"p50": round(tally.slowest(0.5), 4), "p99": round(tally.slowest(0.99), 4)}
    return counts | ({"answers": dict(tally.statuses)} | times if has_answers else {})


def table(tally: Tally, has_answers: bool) -> str:
    """Return what came of it, for people."""
    rows = {
        "Deliveries": f"{tally.deliveries:,}", "Observations": f"{tally.observations:,}",
        "Accepted": f"{tally.accepted:,}", "Rejected": f"{tally.rejected:,}",
    }
    if has_answers:
        rows |= {
            "Answers": answers(tally), "Half answered in": f"{tally.slowest(0.5) * 1000:,.0f} ms",
            "99 % answered in": f"{tally.slowest(0.99) * 1000:,.0f} ms",
        }
    return "\n".join(f"{name:<17} {value}" for name, value in rows.items())


def answers(tally: Tally) -> str:
    """Return how often each status came: 98 × 200, 2 × 503."""
    return ", ".join(f"{count:,} × {status}" for status, count in sorted(tally.statuses.items()))


def fail_if_wrong(tally: Tally, folder: Path | None, keeping: AsSent) -> None:
    """Raise CallFailed with all that went wrong."""
    if not tally.good and not tally.bad and tally.observations:
        raise CallFailed(f"No delivery was acknowledged: {answers(tally) or 'none was answered'}.")
    faults = []
    if tally.miscounted:
        faults.append(f"{tally.miscounted:,} answers counted other observations than were sent.")
    if folder:
        found = accounting.differences(tally, folder, keeping)
        faults += [fault for difference in found for fault in difference.faults()]
        if any(difference.missing and difference.doubled for difference in found):
            faults.append(CHANGED)
    if faults:
        raise CallFailed(*faults)
    if folder:
        counts = " and ".join(f"{acknowledged.total():,} {kind}" for kind, acknowledged in
                              (("accepted", tally.good), ("rejected", tally.bad)))
        tell(f"All {counts} observations are in the files, each once.")
