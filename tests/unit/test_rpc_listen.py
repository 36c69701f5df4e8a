"""Where the gateway may listen, and which certificates it takes."""

import pytest

from actors.model.errors import InvalidInput
from cluster.config import Config, GatewayConfig, TlsConfig
from gateway.rpc.listen import Listen, credentials
from gateway.rpc.settings import from_config
from tests.fakes.certificates import Authority

HERE = ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"]
ELSEWHERE = ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "localhost.example:1", ":1"]


@pytest.mark.parametrize(("address", "loopback"), [*((a, True) for a in HERE), *((a, False) for a in ELSEWHERE)])
def test_plain_text_only_on_loopback(address, loopback):
    assert Listen(address).loopback == loopback
    if loopback:
        assert credentials(Listen(address)) is None
    else:
        with pytest.raises(InvalidInput):
            credentials(Listen(address))
        assert credentials(Listen(address, allow_plaintext=True)) is None


def test_every_fault_of_the_certificates_is_named(tmp_path):
    authority = Authority(tmp_path)
    good, other, expired = authority.issue("good"), authority.issue("other"), authority.issue("expired", -1)
    junk = tmp_path / "junk.pem"
    junk.write_text("nothing")
    for listen, words in (
        (Listen("0.0.0.0:1", tmp_path / "none.pem", tmp_path / "none-key.pem"), ("none.pem", "none-key.pem")),
        (Listen("0.0.0.0:1", junk, junk), ("PEM certificate", "PEM private key")),
        (Listen("0.0.0.0:1", expired.cert, expired.key), ("expired on",)),
        (Listen("0.0.0.0:1", good.cert, other.key), ("not the key of the certificate",)),
        (Listen("0.0.0.0:1", good.cert, good.key, junk), ("junk.pem",)),
    ):
        with pytest.raises(InvalidInput) as caught:
            credentials(listen)
        assert len(caught.value.problems) == len(words)
        assert all(w in str(p) for w, p in zip(words, caught.value.problems, strict=True))
    assert credentials(Listen("0.0.0.0:1", good.cert, good.key, authority.ca)) is not None


def test_settings_follow_the_config(tmp_path):
    tls = TlsConfig(cert="c.pem", key="k.pem", client_ca="ca.pem")
    gateway = GatewayConfig(listen="0.0.0.0:7", tls=tls, reflection=False, max_upload_bytes=99)
    settings = from_config(Config(gateway=gateway, file=tmp_path / "hongyan.yaml"))
    assert settings.listen == Listen("0.0.0.0:7", tmp_path / "c.pem", tmp_path / "k.pem", tmp_path / "ca.pem")
    assert (settings.reflection, settings.limits.file_bytes, settings.limits.upload_bytes) == (False, 99, 99)
    assert settings.keys == tmp_path / "hongyan-data" / "keys.jsonl"
    assert settings.local_key == tmp_path / "hongyan-data" / "api.key"
