"""`hongyan.yaml` as values. Unknown keys stop the start and name themselves; secrets come by `env://NAME` or `file://PATH`.

Relative paths are relative to the config file's folder. Nothing is opened here but the secrets that `secret()` is asked for.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from actors.model.errors import InvalidInput, Problem
from actors.model.rendersettings import CALL_SECONDS, ROW_SECONDS

CONFIG_ENV = "HONGYAN_CONFIG"
DEFAULT_FILE = "hongyan.yaml"
NO_NODE_IP = "who joins a cluster must say where the others reach this node: ray.node_ip"


class Section(BaseModel):
    """Base of all sections: a mistyped key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _secret_url(url: str) -> str:
    if url and not url.startswith(("env://", "file://")):
        raise ValueError("write a secret as env://NAME or file://PATH, never in the config itself")
    return url


SecretUrl = Annotated[str, AfterValidator(_secret_url)]
RequiredSecret = Annotated[str, Field(min_length=1), AfterValidator(_secret_url)]
AccountName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
MIN_TEMPLATE_KEY_BYTES = 16  # shorter ones can be guessed


class TlsConfig(Section):
    """Certificate and key in PEM files; with `client_ca` clients must show a certificate of it (mTLS)."""

    cert: Path
    key: Path
    client_ca: Path | None = None


class GatewayConfig(Section):
    """Where the API listens. Outside loopback TLS is required unless `allow_plaintext`."""

    listen: str = "127.0.0.1:7800"
    tls: TlsConfig | None = None
    keys: Path = Path("keys.jsonl")
    reflection: bool = True
    allow_plaintext: bool = False
    max_upload_bytes: int = 64 * 2**30  # one bundle; ten million wide rows fit


class WarmupConfig(Section):
    """A new egress: mails of its first day, the factor from a clean and used day to the next, and when it is warm."""

    start: int = Field(ge=1)
    growth: float = Field(default=1.4, gt=1, le=4)
    until: int = Field(default=200_000, ge=1)


class EgressConfig(Section):
    """One sending address. `node`: the `ray.node_ip` of the machine that owns it, in a cluster; empty: the head node."""

    address: str
    ehlo: str
    pool: str = "default"
    node: str = ""
    warmup: WarmupConfig | None = None


class RouteConfig(Section):
    """Sends domains that match `pattern` (`*`, `example.com`, `*.example.com`) to one host; the first match counts."""

    pattern: str
    host: str
    port: int = Field(default=25, ge=1, le=65535)
    tls: Literal["none", "opportunistic", "required", "verify"] = "opportunistic"
    user: str = ""
    password: SecretUrl = ""
    chunking: bool = False


class TlsRuleConfig(Section):
    """How mail for domains that match `pattern` is secured; the first match counts. MTA-STS policies are never weakened."""

    pattern: str
    tls: Literal["none", "opportunistic", "required", "verify"]


class IdentityConfig(Section):
    """Who may be written in From, and the key that signs for it: several entries a domain give several signatures."""

    domain: str
    selector: str
    key: SecretUrl


# Keys of templates: by account, then by the name that templates write.
TemplateKeysConfig = dict[AccountName, dict[KeyName, RequiredSecret]]


class RenderingConfig(Section):
    """Seconds of processor time that the templates may take for a row, and for all rows that are rendered together."""

    row_seconds: float = Field(default=ROW_SECONDS, ge=0.01, le=3600)
    call_seconds: float = Field(default=CALL_SECONDS, ge=0.01, le=3600)


class PinConfig(Section):
    """Limits that are not learned on the lanes that match; empty matches all, `.example.com` every site below it."""

    site: str = ""
    egress: str = ""
    concurrency: int | None = Field(default=None, ge=1, le=400)
    rate: float | None = Field(default=None, ge=0)  # mails a second; 0 = no limit
    messages_per_connection: int | None = Field(default=None, ge=1)


class LaneConfig(Section):
    """Connections a lane starts with and may grow to; limits that are pinned."""

    start: int = Field(default=2, ge=1)
    most: int = Field(default=20, ge=1)
    pins: tuple[PinConfig, ...] = ()


class TimeoutsConfig(Section):
    """How long each step of a delivery may take, in seconds (RFC 5321 section 4.5.3.2)."""

    connect: float = Field(default=30.0, gt=0, le=3600)
    greeting: float = Field(default=300.0, gt=0, le=3600)
    ehlo: float = Field(default=300.0, gt=0, le=3600)
    tls: float = Field(default=60.0, gt=0, le=3600)
    mail: float = Field(default=300.0, gt=0, le=3600)
    rcpt: float = Field(default=300.0, gt=0, le=3600)
    data: float = Field(default=120.0, gt=0, le=3600)
    block: float = Field(default=180.0, gt=0, le=3600)
    dot: float = Field(default=600.0, gt=0, le=3600)
    idle: float = Field(default=10.0, gt=0, le=3600)
    quit: float = Field(default=5.0, gt=0, le=3600)


class RayConfig(Section):
    """`address`: join this cluster instead of starting one. `node_ip`: where other nodes reach this one; without it Ray listens
    on loopback alone. Port 0: any free one."""

    address: str = ""
    node_ip: str = ""
    dashboard: bool = True
    dashboard_port: int = 8265
    port: int = 0
    object_store_mb: int = Field(default=512, ge=100)
    cpus: int = 0  # 0 = as many as there are


class Config(Section):
    """The whole file. Every part has a default that works on one machine, on loopback."""

    data: Path = Path("hongyan-data")
    vault: str = ""  # fsspec URL; default: <data>/vault
    ledger: str = ""  # SQLAlchemy URL; default: sqlite in <data>
    ledger_password: SecretUrl = ""
    gateway: GatewayConfig = GatewayConfig()
    ray: RayConfig = RayConfig()
    renderers: int = Field(default=2, ge=1, le=256)
    egresses: tuple[EgressConfig, ...] = (EgressConfig(address="127.0.0.2", ehlo="localhost.localdomain"),)
    routes: tuple[RouteConfig, ...] = ()
    identities: tuple[IdentityConfig, ...] = ()
    retry_scale: float = Field(default=1.0, ge=0.001, le=10)  # stretches the pauses between attempts
    nameservers: tuple[str, ...] = ()  # default: the system's
    timeouts: TimeoutsConfig = TimeoutsConfig()
    tls: tuple[TlsRuleConfig, ...] = ()  # by domain, for mail that no route leads elsewhere
    mta_sts: bool = True  # RFC 8461: one more question to the DNS a domain
    dane: bool = False  # RFC 7672: only with name servers on loopback that validate (DNSSEC)
    template_keys: TemplateKeysConfig = {}
    bounce_key: SecretUrl = ""  # signs the return paths of rows (`sender.verp` of a bundle)
    rendering: RenderingConfig = RenderingConfig()
    lanes: LaneConfig = LaneConfig()
    result_roots: tuple[str, ...] = ()  # where `results.to` of a bundle may point besides the vault
    file: Path = Path(DEFAULT_FILE)  # set by `load`

    @model_validator(mode="after")
    def _unique(self) -> "Config":
        addresses = [e.address for e in self.egresses]
        if len(set(addresses)) != len(addresses):
            raise ValueError("an egress address is listed twice: at most one sender may hold it")
        if self.ray.address and not self.ray.node_ip:
            raise ValueError(NO_NODE_IP)
        return self

    def path(self, path: Path | str) -> Path:
        """A path of the config, made absolute."""
        return (self.file.parent / path).resolve()

    @property
    def data_dir(self) -> Path:
        return self.path(self.data)

    @property
    def vault_url(self) -> str:
        return self.vault or f"file://{self.data_dir / 'vault'}"

    @property
    def ledger_url(self) -> str:
        url = self.ledger or f"sqlite:///{self.data_dir / 'ledger.db'}"
        return (
            url.replace("://", "://", 1)
            if not self.ledger_password
            else url.replace(":PASSWORD@", f":{self.secret(self.ledger_password)}@")
        )

    def joining(self, head: str, node_ip: str) -> "Config":
        """The same config for another node: one file serves all machines. Empty: as it stands in the file."""
        ray = self.ray.model_dump() | ({"address": head} if head else {}) | ({"node_ip": node_ip} if node_ip else {})
        if ray["address"] and not ray["node_ip"]:
            raise InvalidInput((Problem(str(self.file), NO_NODE_IP, column="ray.node_ip"),))
        return self.model_copy(update={"ray": RayConfig(**ray)})

    @property
    def own_egresses(self) -> tuple[EgressConfig, ...]:
        """Those whose address this machine owns; without `node` they belong to the head."""
        here = (self.ray.node_ip,) if self.ray.address else ("", self.ray.node_ip)
        return tuple(e for e in self.egresses if e.node in here)

    @property
    def keys_file(self) -> Path:
        return self.data_dir / self.gateway.keys

    def secret(self, url: str) -> str:
        """The secret behind `env://NAME` or `file://PATH`, without its last line end. InvalidInput if it is not there."""
        kind, _, name = url.partition("://")
        try:
            return os.environ[name] if kind == "env" else self.path(name).read_text().rstrip("\n")
        except (KeyError, OSError, UnicodeDecodeError) as error:
            raise InvalidInput((Problem(str(self.file), f"secret {url} cannot be read: {type(error).__name__}"),)) from error

    def template_secrets(self) -> dict[str, dict[str, bytes]]:
        """The keys of templates by account and name. InvalidInput names every one that is missing or too short."""
        found: dict[str, dict[str, bytes]] = {}
        problems: list[Problem] = []
        for account, urls in self.template_keys.items():
            found[account] = {}
            for name, url in urls.items():
                place = f"template_keys.{account}.{name}"
                try:
                    key = found[account][name] = self.secret(url).encode()
                except InvalidInput as error:
                    problems += [Problem(p.file, p.message, column=place) for p in error.problems]
                    continue
                if len(key) < MIN_TEMPLATE_KEY_BYTES:
                    problems.append(Problem(str(self.file), f"has fewer than {MIN_TEMPLATE_KEY_BYTES} bytes", column=place))
        if problems:
            raise InvalidInput(tuple(problems))
        return found

    def bounce_secret(self) -> bytes:
        """The key of return paths, empty when there is none. InvalidInput if it is missing or too short."""
        key = self.secret(self.bounce_key).encode() if self.bounce_key else b""
        if self.bounce_key and len(key) < MIN_TEMPLATE_KEY_BYTES:
            problem = f"has fewer than {MIN_TEMPLATE_KEY_BYTES} bytes"
            raise InvalidInput((Problem(str(self.file), problem, column="bounce_key"),))
        return key


def load(file: Path | None = None) -> Config:
    """Reads the config: the given file, or $HONGYAN_CONFIG, or ./hongyan.yaml, or all defaults.

    InvalidInput names every problem.
    """
    chosen = file or (Path(os.environ[CONFIG_ENV]) if CONFIG_ENV in os.environ else None)
    if chosen is None and not Path(DEFAULT_FILE).exists():
        return Config(file=Path(DEFAULT_FILE).resolve())
    chosen = (chosen or Path(DEFAULT_FILE)).resolve()
    try:
        content = yaml.safe_load(chosen.read_text()) or {}
        if not isinstance(content, dict):
            raise InvalidInput((Problem(str(chosen), "must hold keys and values"),))
        return Config(**content | {"file": chosen})
    except OSError as error:
        raise InvalidInput((Problem(str(chosen), f"cannot be read: {error.strerror}"),)) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise InvalidInput((Problem(str(chosen), f"is no valid YAML: {error.problem}", line),)) from error
    except ValidationError as error:
        raise InvalidInput(tuple(_problem(chosen, dict(e)) for e in error.errors())) from error


def _problem(file: Path, error: dict[str, object]) -> Problem:
    place = ".".join(str(p) for p in error["loc"])  # type: ignore[attr-defined]
    if error["type"] == "extra_forbidden":
        return Problem(str(file), "unknown key", column=place)
    return Problem(str(file), str(error["msg"]), column=place)
