"""The settings, typed and checked in one place. Reads no environment by itself and knows no Flask."""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.config.settings import PREFIX, Settings, SettingsSchema, load
    from presence_receiver.config.vendor_form import LONGEST_SECRET, LONGEST_URL, SHORTEST_SECRET

__getattr__ = face(__name__, __file__)
