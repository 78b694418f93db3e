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
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return function(*args)
    from gevent import get_hub

    result, error = get_hub().threadpool.apply(_outcome, (function, args))
    if error is not None:
        raise error
    return result


def _outcome(function: Callable[..., Result], args: Any) -> tuple[Result | None, Exception | None]:
    """Errors as values: gevent prints a traceback for each that leaves its pool, expected or not."""
    try:
        return function(*args), None
    except OSError as error:
        return None, error
