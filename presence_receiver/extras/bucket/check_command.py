"""presence-cli check-bucket."""

import contextlib
import datetime
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from presence_receiver.cli import Invocation, pass_invocation
from presence_receiver.errors import CallFailed
from presence_receiver.extras.bucket.command import bucket_settings

if TYPE_CHECKING:
    from presence_receiver.extras.bucket.store import Bucket

TIMES, SIZE = 10, 16 * 1024
"""How often each call is measured, and with how many bytes."""


@click.command("check-bucket")
@pass_invocation
def command(invocation: Invocation) -> None:
    """Try whether a bucket does what is needed.

    Puts a few objects below check-bucket/ in the bucket at PRESENCE_BUCKET_URL,
    lists, reads and deletes them; shows how long each took and how far the clocks
    are apart. Ends with 1 and a sentence where the bucket does not do.

    \b
    Example: PRESENCE_BUCKET_URL=s3://presence/lines presence-cli check-bucket
    """
    url = bucket_settings(invocation).bucket_url or ""
    from presence_receiver.extras.bucket.store import Bucket
    bucket, folder = Bucket(url), f"check-bucket/{uuid.uuid4().hex}/"
    paths = [f"{folder}{number}" for number in range(TIMES)]
    try:
        for line in _checked(bucket, folder, paths):
            click.echo(line)
    except CallFailed:
        with contextlib.suppress(CallFailed):
            bucket.delete(paths)
        raise


def _checked(bucket: "Bucket", folder: str, paths: Sequence[str]) -> Iterator[str]:
    """Yield a line for each call with its times; CallFailed where what comes back is not what was put."""
    content = os.urandom(SIZE)
    for name in ("PUT", "PUT again"):
        yield _timed(name, lambda path: bucket.put(path, content), paths)
    now = datetime.datetime.now(datetime.UTC)
    listed = [each for page in bucket.pages(folder) for each in page]
    if sorted(each["path"] for each in listed) != sorted(paths):
        raise CallFailed("The bucket at PRESENCE_BUCKET_URL does not list at once what was put into it.")
    ahead = (max(each["last_modified"] for each in listed) - now).total_seconds()
    yield f"LIST: sees all {TIMES} objects; the bucket's clock is {ahead:+.0f} s from ours"
    yield _timed("GET", lambda path: _compare(bucket.get(path), content), paths)
    yield _timed("DELETE", lambda path: bucket.delete([path]), paths)
    if any(bucket.pages(folder)):
        raise CallFailed("The bucket at PRESENCE_BUCKET_URL still lists what was deleted.")


def _compare(found: bytes, content: bytes) -> None:
    if found != content:
        raise CallFailed("The bucket at PRESENCE_BUCKET_URL gives back other bytes than were put into it.")


def _timed(name: str, call: Callable[[str], None], paths: Sequence[str]) -> str:
    times = []
    for path in paths:
        start = time.monotonic()
        call(path)
        times.append(1000 * (time.monotonic() - start))
    return f"{name}: {TIMES} of {SIZE // 1024} KiB, {min(times):.0f} to {max(times):.0f} ms"
