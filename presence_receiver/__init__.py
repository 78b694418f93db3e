"""Receives Aerohive presence webhooks and appends every observation to a JSON lines file."""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from presence_receiver.app import create_app, init_app

__all__ = ["create_app", "init_app"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Flask and what it brings load only when they are asked for: most of the CLI does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module("presence_receiver.app"), name)
