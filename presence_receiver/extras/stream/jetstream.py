"""The one door to NATS JetStream: a connection that comes back by itself, and the stream as it has to be.

The client library's own reconnecting is off, since it would send what was answered 503 meanwhile: here every
connection is a new client, and a lost one takes all that it had not sent with it.
"""
from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError

from presence_receiver.config import Settings
from presence_receiver.errors import ConfigError
from presence_receiver.extras.stream.messages import KINDS, Part

FAULTS = (OSError, TimeoutError, nats.errors.Error)
"""What a call to the servers may raise while they are away or elect a leader."""

CONNECT_SECONDS, CREATE_SECONDS = 2, 5.0
CALL_SECONDS = 1.0
"""Short, since the servers do not answer at all while they elect a leader."""

DUPLICATE_SECONDS = 120
"""How long the servers know a message again that is published twice."""

CONSUMER = "collect"
ACK_SECONDS = 10
MOST_UNACKNOWLEDGED = 10_000


class Connection:
    """A connection that is not made again when it is lost. What it does may raise one of FAULTS."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._name = client, settings.stream_name
        self._context = client.jetstream(timeout=CALL_SECONDS)

    @property
    def is_closed(self) -> bool:
        """Whether it was lost or given up."""
        return self._client.is_closed

    @property
    def most_bytes(self) -> int:
        """What the server takes in one message."""
        return self._client.max_payload

    async def publish(self, part: Part, seconds: float) -> None:
        """Return when a quorum has the message; once, however often it is published."""
        await self._context.publish(
            f"{self._name}.{part.kind}", part.payload, timeout=seconds, stream=self._name, headers=dict(part.headers))

    async def lag(self) -> int:
        """How many messages the collector has not acknowledged."""
        return (await self._context.stream_info(self._name)).state.messages

    async def identity(self) -> str:
        """The stream's name and when it was made: one that is made again counts from one."""
        return f"{self._name} {(await self._context.stream_info(self._name)).created}"

    async def subscription(self) -> Any:
        """What the collector fetches from: durable, each message acknowledged by itself."""
        await self._context.add_consumer(self._name, ConsumerConfig(
            durable_name=CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_SECONDS,
            max_ack_pending=MOST_UNACKNOWLEDGED,
        ))
        return await self._context.pull_subscribe_bind(CONSUMER, self._name)

    async def flush(self) -> None:
        """Return when the server has what was sent."""
        await self._client.flush(timeout=CONNECT_SECONDS)

    async def close(self) -> None:
        """Give it up, with all that it has not sent."""
        with contextlib.suppress(*FAULTS):
            await self._client.close()


def unusable(fault: Exception) -> str:
    """Why there is no connection, in a sentence."""
    if isinstance(fault, nats.errors.SecureConnWantedError):
        return "A server at PRESENCE_STREAM_URL does not speak TLS: write nats://, or set TLS up there."
    if "authorization" in str(fault).lower():
        return "The servers at PRESENCE_STREAM_URL do not let us in: check PRESENCE_STREAM_CREDENTIALS."
    return "None of the servers at PRESENCE_STREAM_URL can be used now."


def refusal(fault: Exception) -> str | None:
    """What the stream itself says against a message, in a sentence."""
    if isinstance(fault, APIError) and fault.description:
        return f"The stream at PRESENCE_STREAM_URL refuses: {fault.description}."
    return None


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Connection]:
    """A connection to one of the servers, whose stream is there and keeps what we promise.

    One of FAULTS where it cannot be had now, ConfigError where the stream has other limits.
    """
    client = _Client()
    await client.connect(
        settings.stream_urls, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0,
        connect_timeout=CONNECT_SECONDS, ping_interval=2, max_outstanding_pings=2, pending_size=0,
        error_cb=_ignore, name="presence-receiver",
        user_credentials=str(settings.stream_credentials) if settings.stream_credentials else None,
    )
    try:
        await ensure_stream(client, settings)
        yield Connection(client, settings)
    finally:
        with contextlib.suppress(*FAULTS):
            await client.close()


class _Client(Client):
    """Insists on TLS where the URL does, before it shows a password; the library would go on without."""

    def _connect_command(self) -> bytes:
        server = self._current_server
        if server and server.uri.scheme == "tls" and not self._server_info.get("tls_required"):
            raise nats.errors.SecureConnWantedError
        return super()._connect_command()


async def _ignore(error: Exception) -> None:
    """Whoever waits for an answer gets the error; the library would log a traceback besides."""


async def ensure_stream(client: Client, settings: Settings) -> None:
    """Make the stream if it is absent; ConfigError where it breaks a promise."""
    context = client.jetstream(timeout=CALL_SECONDS)
    try:
        info = await context.stream_info(settings.stream_name)
    except NotFoundError:
        with contextlib.suppress(BadRequestError):  # another receiver was first
            await client.jetstream(timeout=CREATE_SECONDS).add_stream(wanted(settings))
        info = await context.stream_info(settings.stream_name)
    if faults := mismatches(info.config, settings):
        raise ConfigError(f"The stream {settings.stream_name} {' and '.join(faults)}: change it on the servers, "
                          "or name another in PRESENCE_STREAM_NAME.")


def wanted(settings: Settings) -> StreamConfig:
    """A stream that keeps every message on disk until the collector has it, and refuses when it is full."""
    return StreamConfig(
        name=settings.stream_name, subjects=subjects(settings), storage=StorageType.FILE,
        retention=RetentionPolicy.WORK_QUEUE, discard=DiscardPolicy.NEW, num_replicas=settings.stream_replicas,
        duplicate_window=DUPLICATE_SECONDS,
    )


def subjects(settings: Settings) -> list[str]:
    """One for each kind of line."""
    return [f"{settings.stream_name}.{kind}" for kind in KINDS]


def mismatches(found: StreamConfig, settings: Settings) -> list[str]:
    """What of a stream that somebody else made would break a promise, in words."""
    checks = {
        f"lacks a subject of {', '.join(subjects(settings))}": set(subjects(settings)) <= set(found.subjects or ()),
        "is not stored in files": found.storage == StorageType.FILE,
        "does not keep messages until they are collected (retention: workqueue)":
            found.retention == RetentionPolicy.WORK_QUEUE,
        "forgets messages by age": not found.max_age,
        "drops old messages when it is full (discard: new)": found.discard == DiscardPolicy.NEW,
        f"has fewer than {settings.stream_replicas} replicas": (found.num_replicas or 1) >= settings.stream_replicas,
        "knows repeated messages for less than ten seconds": found.duplicate_window >= 10,
    }
    return [fault for fault, is_right in checks.items() if not is_right]
