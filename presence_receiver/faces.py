"""The face of a wing: the few names of its modules that others may use, loaded when they are asked for.

So `presence-cli --help` loads no Flask, and an application no requests.
"""
from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def face(package: str, names: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Return the package's `__getattr__`, which finds each name in the module that `names` says (PEP 562)."""
    modules = {name: module for module, found in names.items() for name in found}

    def look_up(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package} has no attribute {name}")
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return look_up
