"""Receivers that behave as the large ones do: a world of sites with limits, greylisting, reputation, blocks and outages.

`spec` are the values, `parse` reads them from YAML, `world` and `site` decide; `smtp` lets the sandbox's dialogue ask them.
Only the sandbox's own server opens sockets.
"""

from sandbox.world.answers import Answer
from sandbox.world.parse import load_world, parse_world
from sandbox.world.site import ReceivingSite, Session
from sandbox.world.spec import SiteSpec, WorldSpec
from sandbox.world.world import World

__all__ = ["Answer", "ReceivingSite", "Session", "SiteSpec", "World", "WorldSpec", "load_world", "parse_world"]
