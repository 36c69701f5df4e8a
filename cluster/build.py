"""Which class and arguments each actor name stands for, from the config. Used with Ray and without.

The only place that knows all constructors. Arguments are plain values and ports and can be pickled: vault and resolver open
nothing before they are used.
"""

import pkgutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from actors.intake.ids import new_job_id
from actors.model.lanes import LaneLimits
from actors.model.rendersettings import Identity, TemplateKeys, TimeLimit
from actors.model.sites import Credentials, Egress, Route, TlsRule
from actors.reputation import starting
from actors.reputation.pins import Pin
from actors.reputation.warmup import Curve
from actors.sender.connect import TimeLimits
from actors.sender.mx import Resolver, Security
from actors.sender.policystore import PolicyStore
from cluster import names
from cluster.config import Config
from cluster.vault import Vault


class Parts:
    """The config with `port(name)`, which gives the other roles."""

    def __init__(
        self,
        config: Config,
        port: Callable[[str], Any],
        clock: Callable[[], float] | None = None,
        new_id: Callable[[float, str], str] = new_job_id,
    ):
        self.config, self.port, self.clock, self.new_id = config, port, clock or time.time, new_id

    def vault(self) -> Vault:
        return Vault(self.config.vault_url, str(self.config.data_dir / "cache"))

    def work_folder(self, name: str) -> Path:
        folder = self.config.data_dir / "work" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def routes(self) -> tuple[Route, ...]:
        return tuple(
            Route(r.pattern, r.host, r.port, r.tls, f"route{n}" if r.user else "", r.chunking)
            for n, r in enumerate(self.config.routes)
        )

    def credentials(self) -> dict[str, Credentials]:
        """By the name that `routes()` gives them."""
        secret = self.config.secret
        return {
            f"route{n}": Credentials(r.user, secret(r.password) if r.password else "")
            for n, r in enumerate(self.config.routes)
            if r.user
        }

    def time_limit(self) -> TimeLimit:
        """Of templates, in processor time of the thread that renders."""
        return TimeLimit(time.thread_time, self.config.rendering.row_seconds, self.config.rendering.call_seconds)

    def template_keys(self) -> TemplateKeys:
        """InvalidInput names every key that cannot be used."""
        return TemplateKeys(self.config.template_secrets(), self.config.bounce_secret())

    def identities(self) -> tuple[Identity, ...]:
        return tuple(Identity(i.domain, i.selector, self.config.secret(i.key).encode()) for i in self.config.identities)


def roles(config: Config) -> list[str]:
    """Names of all actors of a system, in the order of creation."""
    return [
        names.LEDGER,
        names.REPUTATION,
        names.RESULTS,
        *(names.renderer(n) for n in range(config.renderers)),
        names.INTAKE,
        names.CONDUCTOR,
        *(names.sender(e.address) for e in config.egresses),
    ]


PLACES = {
    names.LEDGER: "actors.ledger.actor:Ledger",
    names.REPUTATION: "actors.reputation.actor:Reputation",
    names.RESULTS: "actors.results.actor:Results",
    names.INTAKE: "actors.intake.actor:Intake",
    names.CONDUCTOR: "actors.conductor.actor:Conductor",
    "renderer": "actors.renderer.actor:Renderer",
    "sender": "actors.sender.actor:Sender",
}


def role(name: str) -> str:
    """Where the class behind an actor name is. It is not imported: the launcher needs none of what the roles work with."""
    return PLACES[name.partition("/")[0]]


def arguments(parts: Parts, name: str) -> dict[str, Any]:
    """Constructor arguments of the actor `name`."""
    makers: dict[str, Callable[[Parts, str], dict[str, Any]]] = {
        names.LEDGER: _ledger,
        names.REPUTATION: _reputation,
        names.RESULTS: _results,
        names.INTAKE: _intake,
        names.CONDUCTOR: _conductor,
        "renderer": _renderer,
        "sender": _sender,
    }
    kind, _, detail = name.partition("/")
    return makers[kind](parts, detail)


def build(parts: Parts, name: str) -> Any:
    """The plain object, in this process."""
    return pkgutil.resolve_name(role(name))(**arguments(parts, name))


def _ledger(parts: Parts, _: str) -> dict[str, Any]:
    return {"url": parts.config.ledger_url, "clock": parts.clock}


def _reputation(parts: Parts, _: str) -> dict[str, Any]:
    config = parts.config
    return {
        "clock": parts.clock,
        "start": config.lanes.start,
        "most": config.lanes.most,
        "ledger": parts.port(names.LEDGER),
        "pins": [Pin(**pin.model_dump()) for pin in config.lanes.pins],
        "curves": {e.address: Curve(**e.warmup.model_dump()) for e in config.egresses if e.warmup},
        "starts": starting.load(),
    }


def _results(parts: Parts, _: str) -> dict[str, Any]:
    return {
        "ledger": parts.port(names.LEDGER),
        "vault": parts.vault(),
        "clock": parts.clock,
        "allowed": parts.config.result_roots,
        "lanes": parts.port(names.REPUTATION),
    }


def _renderer(parts: Parts, _: str) -> dict[str, Any]:
    return {
        "vault": parts.vault(),
        "identities": parts.identities(),
        "keys": parts.template_keys(),
        "limit": parts.time_limit(),
    }


def _intake(parts: Parts, _: str) -> dict[str, Any]:
    ledger = parts.port(names.LEDGER)
    return {
        "vault": parts.vault(),
        "ledger": ledger,
        "suppressions": ledger,
        "renderer": parts.port(names.renderer(0)),
        "lookers": [parts.port(names.renderer(n)) for n in range(parts.config.renderers)],
        "clock": parts.clock,
        "workdir": str(parts.work_folder(names.INTAKE)),
        "new_id": parts.new_id,
    }


def _conductor(parts: Parts, _: str) -> dict[str, Any]:
    return {
        "ledger": parts.port(names.LEDGER),
        "vault": parts.vault(),
        "resolver": resolver(parts),
        "results": parts.port(names.RESULTS),
        "clock": parts.clock,
        "pools": {e.address: e.pool for e in parts.config.egresses},
        "retry_scale": parts.config.retry_scale,
    }


def _sender(parts: Parts, address: str) -> dict[str, Any]:
    config = parts.config
    egress = next(e for e in config.egresses if e.address == address)
    return {
        "egress": Egress(egress.address, egress.ehlo, egress.pool),
        "ledger": parts.port(names.LEDGER),
        "conductor": parts.port(names.CONDUCTOR),
        "reputation": parts.port(names.REPUTATION),
        "renderers": [parts.port(names.renderer(n)) for n in range(config.renderers)],
        "resolver": resolver(parts),
        "clock": parts.clock,
        "credentials": parts.credentials(),
        "limits": TimeLimits(**config.timeouts.model_dump()),
        "first_limits": LaneLimits(concurrency=config.lanes.start),
    }


def resolver(parts: Parts) -> Resolver:
    config = parts.config
    rules = tuple(TlsRule(r.pattern, r.tls) for r in config.tls)
    security = Security(config.mta_sts, config.dane, rules)
    store = PolicyStore(parts.vault()) if config.mta_sts else None
    return Resolver(parts.routes(), parts.clock, config.nameservers, security=security, store=store)
