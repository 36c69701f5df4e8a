"""`python -m gateway.rpc`: the gateway as a process of its own, over the actors of the cluster. `hongyan up` starts it."""

import asyncio
import logging
import sys
import time

from actors.model.errors import HongyanError, InvalidInput
from cluster import names
from cluster.config import Config, load
from cluster.remote import Remote, connected
from cluster.vault import Vault
from gateway.rpc.backend import Backend
from gateway.rpc.server import run
from gateway.rpc.settings import from_config


def remote_backend(config: Config) -> Backend:
    """Ports to the named actors, wherever they run."""
    return Backend(
        ledger=Remote(names.LEDGER),
        intake=Remote(names.INTAKE),
        conductor=Remote(names.CONDUCTOR),
        reputation=Remote(names.REPUTATION),
        renderers=[Remote(names.renderer(n)) for n in range(config.renderers)],
        results=Remote(names.RESULTS),
        vault=Vault(config.vault_url, str(config.data_dir / "cache")),
        clock=time.time,
    )


def main() -> int:
    """Exit code 2: the config cannot be used, and starting again will not help."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log = logging.getLogger("hongyan.gateway")
    try:
        config = load()
        with connected():
            asyncio.run(run(remote_backend(config), from_config(config)))
    except HongyanError as error:
        log.error("%s", error)
        return 2 if isinstance(error, InvalidInput) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
