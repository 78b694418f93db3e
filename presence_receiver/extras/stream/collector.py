"""From the stream to the same files that a receiver without one writes, each delivery once.

Lines and the record of what has been collected are one commit (`collected`); a message is acknowledged only after it,
and one that comes again is known by its sequence. One process at a time collects into a folder; others wait for
their turn. Knows no command line.
"""
from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import logging
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from presence_receiver.config import Settings
from presence_receiver.errors import ConfigError, StorageError
from presence_receiver.extras.stream import jetstream
from presence_receiver.extras.stream.jetstream import FAULTS
from presence_receiver.extras.stream.messages import Assembly, Stored, Whole
from presence_receiver.extras.stream.position import Position
from presence_receiver.log_limit import LimitedLog
from presence_receiver.storage import FileLock, Housekeeping, Writer

MOST_MESSAGES, MOST_BYTES = 500, 32 * 1024 * 1024
"""Of one commit; the bytes are a guess from the messages before."""

FETCH_SECONDS = 1.0
PAUSE_SECONDS = 1.0
INCOMPLETE = datetime.timedelta(minutes=1)
"""A delivery whose parts are not all in the stream when one so much younger is, was answered 503."""


@dataclasses.dataclass
class Progress:
    """What one run has done, and how many messages of the stream wait."""

    deliveries: int = 0
    lines: int = 0
    rejected: int = 0
    known: int = 0
    incomplete: int = 0
    lag: int = 0


def collect(settings: Settings, show: Callable[[Progress], None]) -> Progress:
    """Collect until SIGTERM or SIGINT; waits while another process collects into the same folder."""
    with FileLock(settings.data_dir / ".collect.lock").held():
        Housekeeping(settings).start()
        return asyncio.run(_Collector(settings, show).run())


class _Collector:
    """One run, in one event loop."""

    def __init__(self, settings: Settings, show: Callable[[Progress], None]) -> None:
        self._settings, self._show = settings, show
        self._writer = Writer(settings)
        self._log = LimitedLog(logging.getLogger(__name__))
        self._stopping = asyncio.Event()
        self._progress = Progress()

    async def run(self) -> Progress:
        """Until a signal comes; a lost connection is made again."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        while not self._stopping.is_set():
            try:
                await self._run_connected()
            except (ConfigError, StorageError) as error:
                self._log.warning(str(error), "Nothing is collected now: %s", error)
            except FAULTS as fault:
                self._log.warning("away", "Nothing is collected now: %s", jetstream.unusable(fault))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), PAUSE_SECONDS)
        return self._progress

    async def _run_connected(self) -> None:
        async with jetstream.connected(self._settings) as connection:
            subscription = await connection.subscription()
            position = await asyncio.to_thread(self._position, await connection.identity())
            session = _Session(subscription, position, self._writer, self._progress)
            while not self._stopping.is_set():
                await session.round()
                await connection.flush()
                self._show(self._progress)

    def _position(self, stream: str) -> Position:
        self._writer.resolve()
        return Position.read(self._settings.data_dir, stream)


class _Session:
    """One connection's messages: taken, committed, acknowledged. What is not, comes again in the next."""

    def __init__(self, subscription: Any, position: Position, writer: Writer, progress: Progress) -> None:
        self._subscription, self._position = subscription, position
        self._writer, self._progress = writer, progress
        self._assembly = Assembly()
        self._unacknowledged: dict[int, Any] = {}
        self._size = 64 * 1024

    async def round(self) -> None:
        """Take what there is, commit what is whole, acknowledge what is in the files."""
        messages = await self._fetched()
        known = [number for message in messages if (number := _sequence(message)) in self._position]
        self._progress.known += len(known)
        wholes = [whole for message in messages if (whole := self._whole(message))]
        if wholes:
            await self._commit(wholes)
        await self._acknowledge([*known, *self._dropped(messages), *(n for each in wholes for n in each.sequences)])

    async def _fetched(self) -> Sequence[Any]:
        count = max(1, min(MOST_MESSAGES, MOST_BYTES // self._size))
        try:
            messages: Sequence[Any] = await self._subscription.fetch(count, timeout=FETCH_SECONDS)
        except TimeoutError:
            self._progress.lag = 0
            return []
        self._size = max(1, sum(len(message.data) for message in messages) // len(messages))
        self._unacknowledged |= {_sequence(message): message for message in messages}
        self._progress.lag = messages[-1].metadata.num_pending
        return messages

    def _whole(self, message: Any) -> Whole | None:
        """The delivery that this message completes, unless it is in the files already."""
        number = _sequence(message)
        if number in self._position:
            return None
        time = message.metadata.timestamp
        return self._assembly.add(Stored.read(number, time, message.subject, message.headers, message.data))

    def _dropped(self, messages: Sequence[Any]) -> Iterable[int]:
        """The parts of deliveries that will never be whole."""
        if not messages:
            return ()
        dropped = self._assembly.drop_older(messages[-1].metadata.timestamp - INCOMPLETE)
        self._progress.incomplete += len(dropped)
        return dropped

    async def _commit(self, wholes: Sequence[Whole]) -> None:
        """Return when the lines and the new position are on disk, both or, with StorageError, neither."""
        accepted = b"".join(whole.accepted for whole in wholes)
        rejected = b"".join(whole.rejected for whole in wholes)
        position = self._position.with_(number for whole in wholes for number in whole.sequences)
        await asyncio.to_thread(self._writer.exchange, accepted, position.replacing, rejected)
        self._position = position
        self._progress.deliveries += len(wholes)
        self._progress.lines += accepted.count(b"\n")
        self._progress.rejected += rejected.count(b"\n")

    async def _acknowledge(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if message := self._unacknowledged.pop(number, None):
                await message.ack()


def _sequence(message: Any) -> int:
    number: int = message.metadata.sequence.stream
    return number
