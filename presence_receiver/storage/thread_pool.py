"""Where blocking file calls run, and how requests wait: under a gevent worker in gevent's pool, else in threads.

gevent runs all requests of a worker in one thread, which a sync must not hold up; it has no files of its own. Whoever
waits, takes a slice or keeps a deadline in this wing does it through here, so that the loop below may be another.
"""
from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

Result = TypeVar("Result")


def run(function: Callable[..., Result], *args: Any) -> Result:
    """Call the function and return or raise what it does; other requests go on meanwhile."""
    if not _is_gevent():
        return function(*args)
    outcome = _spawned(functools.partial(_outcome, function, args)).get()
    if isinstance(outcome, _Failed):
        raise outcome.error
    return cast(Result, outcome)


def start(work: Callable[[bool], bool], done: Callable[[], None]) -> None:
    """Begin `work(True)`, which may wait for long, where it holds up nobody; `done` is called after it.

    Both must not raise. RuntimeError where no thread is to be had: then neither is ever called. Under gevent `done`
    runs in the loop, where it may not wait. Else `work(False)` is called first, right here, and a thread is begun only
    where that returns False since it would have to wait.
    """
    if _is_gevent():
        _spawned(functools.partial(work, True)).rawlink(lambda _: done())
    elif not _worked(work, False, done):
        threading.Thread(target=_worked, args=(work, True, done), name="presence-waiting", daemon=True).start()


def _spawned(work: Callable[[], Any]) -> Any:
    """Return gevent's result of work that its pool will do; RuntimeError where it can begin no thread for it.

    The thread is begun first: gevent begins one for what is in its queue already, from where another would do it.
    """
    from gevent import get_hub

    pool = get_hub().threadpool
    if len(pool) >= pool.size < pool.maxsize:
        pool.size += 1
    return pool.spawn(work)


def _worked(work: Callable[[bool], bool], waits: bool, done: Callable[[], None]) -> bool:
    is_over = True
    try:
        is_over = work(waits)
    finally:
        if is_over:
            done()
    return is_over


def wait_until(signal: Any, deadline: float | None) -> bool:
    """Wait until the lock `signal` is released; False where the deadline, of time.monotonic, came first."""
    return bool(signal.acquire() if deadline is None else signal.acquire(timeout=max(0.0, deadline - time.monotonic())))


def let_others_go_on() -> None:
    """Let every request that has something to do run until it waits, under gevent; threads need no help."""
    if _is_gevent():
        from gevent import sleep

        sleep(0)


def _is_gevent() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


class _Failed(NamedTuple):
    error: Exception


def _outcome(function: Callable[..., Result], args: Any) -> Result | _Failed:
    """Return errors as values: gevent prints a traceback for each that leaves its pool, expected or not."""
    try:
        return function(*args)
    except Exception as error:  # whatever it is, the caller raises it again
        return _Failed(error)
