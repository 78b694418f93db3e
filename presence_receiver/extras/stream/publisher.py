"""What a receiver's event loop does: keep a connection to the stream, publish deliveries until they are acknowledged.

What is not acknowledged is published again, under the same id, until the time for an answer is over. Runs in a native
loop, see there: it does not log.
"""
from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Sequence

from presence_receiver.config import Settings
from presence_receiver.errors import ConfigError
from presence_receiver.extras.stream import jetstream
from presence_receiver.extras.stream.jetstream import FAULTS, Connection
from presence_receiver.extras.stream.messages import Part, parts

ANSWER_SECONDS = 4.5
"""A delivery not acknowledged after so long is answered 503, and nothing of it is published any more."""

CHECK_SECONDS = 2.5
"""How long one may wait who asks whether a delivery would be stored."""

ATTEMPT_SECONDS = 1.0
"""How long one message may wait for its acknowledgement; a leader's death loses some."""

PAUSE_SECONDS = 0.2
SILENCE_SECONDS = 3.0
"""A connection on which nothing is acknowledged for so long, though asked for, is given up."""


class Waiting:
    """One delivery until its outcome is known; `turn` is released then. `fault` is why it is not stored yet."""

    def __init__(self, accepted: bytes, rejected: bytes, seconds: float = ANSWER_SECONDS) -> None:
        self.accepted, self.rejected = accepted, rejected
        self.deadline = time.monotonic() + seconds
        self.turn = threading.Lock()
        self.turn.acquire()
        self.fault: str | None = "The stream at PRESENCE_STREAM_URL did not acknowledge in time."

    @classmethod
    def to_ask(cls) -> Waiting:
        """No delivery, but the question whether one would be stored."""
        return cls(b"", b"", CHECK_SECONDS)


class Publisher:
    """What lives in the event loop: the connection, and the deliveries under way."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._is_connected = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fault: str | None = None
        self._last_acknowledged = 0.0
        self.lag = 0

    async def keep_connected(self) -> None:
        """Connect, and again whenever the connection is lost, as long as the process lives."""
        while True:
            try:
                async with jetstream.connected(self._settings) as connection:
                    await self._use(connection)
            except ConfigError as error:
                self._fault = str(error)
            except FAULTS as fault:
                self._fault = jetstream.unusable(fault)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _use(self, connection: Connection) -> None:
        """Publish with this connection until it is closed."""
        self._connection, self._fault = connection, None
        self._last_acknowledged = time.monotonic()
        self._is_connected.set()
        try:
            while not connection.is_closed:
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._is_connected.clear()
            self._connection = None

    def begin(self, waiting: Waiting) -> None:
        """Publish a delivery; others go on meanwhile."""
        task = asyncio.get_running_loop().create_task(self._deliver(waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, waiting: Waiting) -> None:
        try:
            async with asyncio.timeout_at(waiting.deadline):
                await (self._publish(waiting) if waiting.accepted or waiting.rejected else self._ask())
            waiting.fault = None
        except TimeoutError:
            waiting.fault = self._fault or waiting.fault
            await self._give_up_silence()
        finally:
            waiting.turn.release()

    async def _ask(self) -> None:
        """Return when the stream's leader has told how many messages there are."""
        while True:
            await self._is_connected.wait()
            try:
                if self._connection:
                    self.lag = await self._connection.lag()
                    return
            except FAULTS:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _publish(self, waiting: Waiting) -> None:
        """Return when every part is acknowledged, however often it takes."""
        delivery, rest = uuid.uuid4().hex, None
        while rest is None or rest:
            await self._is_connected.wait()
            if self._connection is None:
                continue
            if rest is None:
                rest = parts(delivery, waiting.accepted, waiting.rejected, self._connection.most_bytes)
            if time.monotonic() >= waiting.deadline:  # a loop that was held up may come here before it times out
                raise TimeoutError
            rest = await self._attempt(self._connection, rest)
            if rest:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _attempt(self, connection: Connection, wanted: Sequence[Part]) -> list[Part]:
        """Publish the parts, all at once; those that were not acknowledged."""
        outcomes = await asyncio.gather(*(self._is_acknowledged(connection, part) for part in wanted))
        return [part for part, is_done in zip(wanted, outcomes, strict=True) if not is_done]

    async def _is_acknowledged(self, connection: Connection, part: Part) -> bool:
        try:
            await connection.publish(part, ATTEMPT_SECONDS)
        except FAULTS as fault:
            self._fault = jetstream.refusal(fault) or self._fault
            return False
        self._fault, self._last_acknowledged = None, time.monotonic()
        return True

    async def _give_up_silence(self) -> None:
        """Another server may do better, and what is still on its way to this one must not be sent."""
        if self._connection and time.monotonic() - self._last_acknowledged > SILENCE_SECONDS:
            await self._connection.close()
