"""Where blocking file calls run: in gevent's thread pool under a gevent worker, else right where they are.

gevent runs all requests of a worker in one thread, which a sync must not hold up; it has no files of its own.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(function: Callable[..., Result], *args: Any) -> Result:
    """Call the function and return or raise what it does; other requests go on meanwhile."""
    if not _is_gevent():
        return function(*args)
    from gevent import get_hub

    result, error = get_hub().threadpool.apply(_outcome, (function, args))
    if error is not None:
        raise error
    return result


def let_others_go_on() -> None:
    """Under gevent, let every request that has something to do run until it waits; threads need no help."""
    if _is_gevent():
        from gevent import sleep

        sleep(0)


def _is_gevent() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _outcome(function: Callable[..., Result], args: Any) -> tuple[Result | None, Exception | None]:
    """Errors as values: gevent prints a traceback for each that leaves its pool, expected or not."""
    try:
        return function(*args), None
    except OSError as error:
        return None, error
