"""Ray options of each actor: what it needs, how many calls at once, how it restarts."""

from typing import Any

from cluster import names
from cluster.config import Config

# Calls at once. Sync actors (renderers, intake, results) work in as many threads; async ones are cheap per waiting call.
CONCURRENCY = {names.LEDGER: 512, names.CONDUCTOR: 512, names.REPUTATION: 256, names.INTAKE: 8, names.RESULTS: 2}
SENDER_CONCURRENCY = 16
RENDERER_CONCURRENCY = 1  # one core each; the senders keep two calls waiting


def options(name: str, config: Config) -> dict[str, Any]:
    """Detached, restarted for ever, no call repeated by Ray: a repeated call would be a second mail."""
    kind, _, detail = name.partition("/")
    resources = {names.egress_resource(detail): 1} if kind == "sender" else {}
    concurrency = {"sender": SENDER_CONCURRENCY, "renderer": RENDERER_CONCURRENCY}.get(kind) or CONCURRENCY[name]
    return {
        "name": name,
        "namespace": names.NAMESPACE,
        "lifetime": "detached",
        "get_if_exists": True,
        "max_restarts": -1,
        "max_task_retries": 0,
        "max_concurrency": concurrency,
        "num_cpus": 0,
        "resources": resources,
    }
