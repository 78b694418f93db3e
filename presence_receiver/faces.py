"""The face of a wing: the few names of its modules that others may use, loaded when they are asked for.

So `presence-cli --help` loads no Flask, and an application no requests.
"""
from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


def face(package: str, file: str) -> Callable[[str], Any]:
    """Return the package's `__getattr__` (PEP 562), which imports a name from where its file says, when asked for it.

    The file says so to type checkers, under TYPE_CHECKING; that it is read here too, in half a millisecond, leaves one
    list to keep.
    """
    @cache
    def modules() -> dict[str, str]:
        return {
            alias.name: node.module for node in ast.walk(ast.parse(Path(file).read_text()))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{package}.")
            for alias in node.names
        }

    def look_up(name: str) -> Any:
        if name not in modules():
            raise AttributeError(f"module {package} has no attribute {name}")
        return getattr(importlib.import_module(modules()[name]), name)

    return look_up
