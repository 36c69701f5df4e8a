"""Which egress addresses have a node in the cluster now. A sender of any other is not there: nothing may wait for it."""

import ray

from cluster import names
from cluster.config import Config


def present(config: Config) -> list[str]:
    """Egress addresses of the config that a living node announces."""
    resources = ray.cluster_resources()
    return [e.address for e in config.egresses if names.egress_resource(e.address) in resources]
