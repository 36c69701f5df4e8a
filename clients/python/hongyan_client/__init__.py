"""Python client for Hongyan: `Client(target, api_key)`."""

from hongyan_client.client import Client
from hongyan_client.errors import HongyanClientError

__all__ = ["Client", "HongyanClientError"]
