"""The vendor's own client, without the nine seconds that importing all of it takes.

`import extremecloudiq` builds a thousand models; a bare package with the same path imports only what is used.
"""

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def notification_api(url, token):
    """The client's class for webhook subscriptions, ready to call, and its request class."""
    load_barely()
    client = import_module("extremecloudiq.api_client")
    configuration = import_module("extremecloudiq.configuration").Configuration(host=url, access_token=token)
    configuration.retries = 0
    api = import_module("extremecloudiq.api.notification_api")
    request = import_module("extremecloudiq.models.xiq_create_webhook_subscription_request")
    return api.NotificationApi(client.ApiClient(configuration)), request.XiqCreateWebhookSubscriptionRequest


@cache
def load_barely():
    path = find_spec("extremecloudiq").submodule_search_locations
    for name in ("", ".models", ".api"):
        bare = ModuleType("extremecloudiq" + name)
        bare.__path__ = [f"{folder}/{name[1:]}" for folder in path]
        sys.modules[bare.__name__] = bare
    sys.modules["extremecloudiq"].models = sys.modules["extremecloudiq.models"]
    page = import_module("extremecloudiq.models.paged_xiq_webhook_subscription")
    sys.modules["extremecloudiq.models"].PagedXiqWebhookSubscription = page.PagedXiqWebhookSubscription
