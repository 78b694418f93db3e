"""Every HTTP call that leaves this package, a delivery posted as HiveManager does among them. Knows no vendor's API."""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.http_client.calls import Answer, open_session, parse, send
    from presence_receiver.http_client.delivery import REMEDIES, deliver, sample_body
    from presence_receiver.http_client.failures import reason, was_not_sent
    from presence_receiver.http_client.patience import Tell, persist
    from presence_receiver.http_client.trace import Trace
    from presence_receiver.http_client.urls import api_fault, is_loopback, receiver_fault

__getattr__ = face(__name__, __file__)
