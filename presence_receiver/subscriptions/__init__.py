"""The vendors' records of where to post: listing, creating and deleting them. Knows no terminal and no files."""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.subscriptions.environment import Environment
    from presence_receiver.subscriptions.extremecloudiq import ExtremeCloudIQ
    from presence_receiver.subscriptions.hivemanager import HiveManager
    from presence_receiver.subscriptions.registration import carry_out, delete_subscription, holds, plan_registration
    from presence_receiver.subscriptions.subscription import (
        DEFAULT_APPLICATION, Subscription, SubscriptionApi, Subscriptions, TAKEN_TYPES,
    )

__getattr__ = face(__name__, __file__)
