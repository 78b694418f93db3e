"""The old name of `presence_receiver.server.config`, which start commands may still have in this version."""
from presence_receiver.server.config import *  # noqa: F401,F403
