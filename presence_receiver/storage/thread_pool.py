"""Where blocking file calls run: in gevent's thread pool under a gevent worker, else right where they are.

gevent runs all requests of a worker in one thread, which a sync must not hold up; it has no files of its own.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

Result = TypeVar("Result")


def run(function: Callable[..., Result], *args: Any) -> Result:
    """Call the function and return or raise what it does; other requests go on meanwhile."""
    if not _is_gevent():
        return function(*args)
    from gevent import get_hub

    outcome = get_hub().threadpool.apply(_outcome, (function, args))
    if isinstance(outcome, _Failed):
        raise outcome.error
    return cast(Result, outcome)


def let_others_go_on() -> None:
    """Under gevent, let every request that has something to do run until it waits; threads need no help."""
    if _is_gevent():
        from gevent import sleep

        sleep(0)


def _is_gevent() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


class _Failed(NamedTuple):
    error: OSError


def _outcome(function: Callable[..., Result], args: Any) -> Result | _Failed:
    """Errors as values: gevent prints a traceback for each that leaves its pool, expected or not."""
    try:
        return function(*args)
    except OSError as error:
        return _Failed(error)
