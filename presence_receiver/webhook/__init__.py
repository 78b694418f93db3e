"""A delivery's request in, its answer out: the blueprint, verifying the sender, reading the body.

Knows neither what a good observation is nor how lines are stored.
"""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.webhook.light_flask import LightFlask
    from presence_receiver.webhook.views import identify, log, webhook

__getattr__ = face(__name__, __file__)
