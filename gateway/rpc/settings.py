"""The gateway's settings from `hongyan.yaml`. No IO."""

from cluster.config import Config
from gateway.rpc.limits import Limits
from gateway.rpc.listen import Listen
from gateway.rpc.server import Settings

LOCAL_KEY = "api.key"


def from_config(config: Config) -> Settings:
    """Paths made absolute, the rest as it stands in the file."""
    gateway, tls = config.gateway, config.gateway.tls
    listen = Listen(
        address=gateway.listen,
        cert=config.path(tls.cert) if tls else None,
        key=config.path(tls.key) if tls else None,
        client_ca=config.path(tls.client_ca) if tls and tls.client_ca else None,
        allow_plaintext=gateway.allow_plaintext,
    )
    return Settings(
        spool=config.data_dir / "spool",
        keys=config.keys_file,
        local_key=config.data_dir / LOCAL_KEY,
        listen=listen,
        limits=Limits(file_bytes=gateway.max_upload_bytes, upload_bytes=gateway.max_upload_bytes),
        reflection=gateway.reflection,
    )
