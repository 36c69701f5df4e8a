"""Python client for Hongyan: `Client(target, key)` speaks to the gateway; errors are `HongyanClientError`.

Calls give and take the messages of `hongyan.v1`; nothing here needs the rest of the system.
"""

from hongyan_client.client import Client
from hongyan_client.errors import HongyanClientError
from hongyan_client.messages import state_label, to_dict

__all__ = ["Client", "HongyanClientError", "state_label", "to_dict"]
