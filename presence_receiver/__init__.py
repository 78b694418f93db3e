"""Receives Aerohive presence webhooks and appends every observation to a JSON lines file."""
from presence_receiver.app import create_app, init_app

__all__ = ["create_app", "init_app"]
