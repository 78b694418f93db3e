"""An asyncio event loop in a thread of its own, for a client library that knows nothing else.

Under a gevent worker the standard library is patched: its threads are greenlets and its selectors wait in gevent's
hub. The loop gets the real ones, so that it runs beside the hub and neither holds up the other. The sockets may stay
gevent's, since asyncio never lets one block. Nothing that runs in the loop may log or use `threading`'s waiting.
"""
from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gevent import monkey


class _Loop(asyncio.SelectorEventLoop):
    """Looks names up by itself: asyncio would use a thread pool, which gevent has patched."""

    async def getaddrinfo(self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0,
                          flags: int = 0) -> Any:
        """Blocks this loop alone, and only while it connects."""
        return monkey.get_original("socket", "getaddrinfo")(host, port, family, type, proto, flags)


def started(main: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.AbstractEventLoop:
    """A loop that runs `main` and what else it is given, until the process ends; start it after the fork."""
    loop = _Loop(monkey.get_original("selectors", "DefaultSelector")())
    monkey.get_original("_thread", "start_new_thread")(_run, (loop, main))
    return loop


def _run(loop: asyncio.AbstractEventLoop, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.set_event_loop(loop)
    kept = loop.create_task(main())
    loop.run_forever()
    kept.cancel()
