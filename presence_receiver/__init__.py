"""Receives Aerohive presence webhooks and appends every observation to a JSON lines file."""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.app import create_app, init_app

__version__ = "0.1.0"
__getattr__ = face(__name__, __file__)
