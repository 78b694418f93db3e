"""The one door to NATS JetStream: a connection that comes back by itself, and the stream as it has to be.

The client library's own reconnecting is off, since it would send what was answered 503 meanwhile: here every
connection is a new client, and a lost one takes all that it had not sent with it.
"""
from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.api import (
    AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig,
)
from nats.js.errors import BadRequestError, NotFoundError

from presence_receiver.config import Settings
from presence_receiver.errors import ConfigError
from presence_receiver.stream_parts import KINDS

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


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Client]:
    """A connection to one of the servers, whose stream is there and keeps what we promise.

    One of FAULTS where it cannot be had now, ConfigError where the stream has other limits.
    """
    client = await nats.connect(
        settings.stream_urls, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0,
        connect_timeout=CONNECT_SECONDS, ping_interval=2, max_outstanding_pings=2, pending_size=0,
        error_cb=_ignore, name="presence-receiver",
        user_credentials=str(settings.stream_credentials) if settings.stream_credentials else None,
    )
    try:
        await ensure_stream(client, settings)
        yield client
    finally:
        await _closed(client)


async def _ignore(error: Exception) -> None:
    """Whoever waits for an answer gets the error; the library would log a traceback besides."""


async def _closed(client: Client) -> None:
    with contextlib.suppress(*FAULTS):
        await client.close()


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


async def subscription(client: Client, settings: Settings) -> Any:
    """What the collector fetches from: durable, shared by all that collect, each message acknowledged by itself."""
    context = client.jetstream(timeout=CALL_SECONDS)
    await context.add_consumer(settings.stream_name, ConsumerConfig(
        durable_name=CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_SECONDS,
        max_ack_pending=MOST_UNACKNOWLEDGED,
    ))
    return await context.pull_subscribe_bind(CONSUMER, settings.stream_name)


async def lag(client: Client, settings: Settings) -> int:
    """How many messages the collector has not acknowledged."""
    info = await client.jetstream(timeout=CALL_SECONDS).stream_info(settings.stream_name)
    return info.state.messages


async def identity(client: Client, settings: Settings) -> str:
    """The stream's name and when it was made: one that is made again counts from one."""
    info = await client.jetstream(timeout=CALL_SECONDS).stream_info(settings.stream_name)
    return f"{settings.stream_name} {info.created}"
