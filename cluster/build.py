"""Which arguments each role gets, from the config. The only place that knows all constructors; used with Ray and without.

A part's arguments are plain values and ports and can be pickled: the vault and the resolver open nothing before they are used.
"""

import time
from collections.abc import Callable
from typing import Any

from actors.conductor.actor import Conductor
from actors.intake.actor import Intake
from actors.ledger.actor import Ledger
from actors.model.sites import Egress, Route
from actors.renderer.actor import Renderer
from actors.renderer.message.dkim import Identity
from actors.reputation.actor import Reputation
from actors.results.actor import Results
from actors.sender.actor import Sender
from actors.sender.mx import Resolver
from cluster import names
from cluster.config import Config
from cluster.vault import Vault


class Parts:
    """The config with `port(name)`, which gives the other roles."""

    def __init__(self, config: Config, port: Callable[[str], Any], clock: Callable[[], float] | None = None):
        self.config, self.port, self.clock = config, port, clock or time.time

    def vault(self) -> Vault:
        return Vault(self.config.vault_url, str(self.config.data_dir / "cache"))
