"""`hongyan doctor` over a real machine and a name server on loopback: what it finds in good order and in bad."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from typer.testing import CliRunner

from actors.renderer.message.dkim import Signer
from cluster import machine
from cluster.config import Config
from cluster.doctor import examine, verifies
from cluster.findings import Finding, Level
from cluster.lookup import Lookup
from cluster.supervise import free_port
from gateway.cli.main import build
from tests.e2e.postgres import server
from tests.fakes.certificates import Authority
from tests.fakes.identities import _pem, ed25519_identity, rsa_identity
from tests.fakes.nameserver import nameserver

RSA, RSA_RECORD = rsa_identity()
ED, ED_RECORD = ed25519_identity()


def strings(record: str) -> str:
    return " ".join(f'"{record[i : i + 200]}"' for i in range(0, len(record), 200))


GOOD = {
    ("s1._domainkey.bank.test.", "TXT"): [strings(RSA_RECORD)],
    ("s2._domainkey.bank.test.", "TXT"): [strings(ED_RECORD)],
    ("bank.test.", "TXT"): ['"v=spf1 -all"', '"site-verification=1"'],
    ("_dmarc.bank.test.", "TXT"): ['"v=DMARC1; p=none"'],
}


def config(folder: Path, **extra: object) -> Path:
    """A config with two identities, in good order."""
    for identity in (RSA, ED):
        file = folder / f"{identity.selector}.pem"
        file.write_bytes(identity.key_pem)
        file.chmod(0o600)
    content: dict[str, object] = {
        "data": "data",
        "gateway": {"listen": f"127.0.0.1:{free_port()}"},
        "identities": [{"domain": "bank.test", "selector": s, "key": f"file://{s}.pem"} for s in ("s1", "s2")],
        "nameservers": ["127.0.0.1"],
    }
    (folder / "data").mkdir(exist_ok=True)
    file = folder / "hongyan.yaml"
    file.write_text(yaml.safe_dump(content | extra))
    return file


async def look(file: Path, zone: Any = GOOD, silent: tuple[str, ...] = ()) -> dict[str, Finding]:
    """Findings by check; of several of one check the worst."""
    async with nameserver(zone, silent) as (port, _):
        found = await examine(file, time.time, lambda c: Lookup(c.nameservers, port, 0.5))
    order = list(Level)
    return {f.check: f for f in sorted(found, key=lambda f: order.index(f.level))}


def worse(found: dict[str, Finding]) -> set[str]:
    return {check for check, f in found.items() if f.level is Level.FAIL}


async def test_everything_in_order(tmp_path: Path) -> None:
    found = await look(config(tmp_path))
    assert worse(found) == set()
    assert "a signature made with it verifies" in found["DKIM s1._domainkey.bank.test"].found
    assert "a signature made with it verifies" in found["DKIM s2._domainkey.bank.test"].found
    assert found["SPF bank.test"].found == "v=spf1 -all"
    assert {"data folder", "disk", "ledger", "egress 127.0.0.2", "gateway port", "open files", "clock"} < set(found)


async def test_an_empty_dns_shows_every_record_to_publish(tmp_path: Path) -> None:
    found = await look(config(tmp_path), {})
    names = {"DKIM s1._domainkey.bank.test", "DKIM s2._domainkey.bank.test", "SPF bank.test", "DMARC bank.test"}
    assert worse(found) == names
    assert all(found[n].found == "record not found" and "publish" in found[n].remedy for n in names)


async def test_a_dns_that_is_silent_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    silent = ("s1._domainkey.bank.test.", "bank.test.")
    found = await look(config(tmp_path), GOOD, silent)
    assert worse(found) == {"DKIM s1._domainkey.bank.test", "SPF bank.test"}
    assert all("no answer" in found[n].found for n in worse(found))


async def test_keys_that_cannot_sign(tmp_path: Path) -> None:
    file = config(tmp_path)
    (tmp_path / "s1.pem").write_bytes(_pem(rsa.generate_private_key(65537, 1024)))
    (tmp_path / "s2.pem").unlink()
    found = await look(file)
    assert worse(found) == {"DKIM s1._domainkey.bank.test", "DKIM s2._domainkey.bank.test"}
    assert "1024 bits" in found["DKIM s1._domainkey.bank.test"].found


async def test_files_that_others_may_read(tmp_path: Path) -> None:
    file = config(tmp_path)
    for name in ("data/ray.token", "data/api.key", "data/keys.jsonl"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    (tmp_path / "s1.pem").chmod(0o644)
    found = await look(file)
    assert worse(found) == {"Ray token", "API keys", "key of bank.test"}
    assert all("chmod 600" in found[n].remedy for n in worse(found))


async def test_addresses_and_ports_that_are_not_ours(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        egresses = [
            {"address": "203.0.113.7", "ehlo": "mx.bank.test"},
            {"address": "127.0.0.9", "ehlo": "mx.bank.test"},
            {"address": "203.0.113.8", "ehlo": "mx.bank.test", "node": "10.0.0.2"},
        ]
        found = await look(config(tmp_path, gateway={"listen": taken}, egresses=egresses))
    assert worse(found) == {"egress 203.0.113.7", "gateway port"}
    assert "belongs to node 10.0.0.2" in found["egress 203.0.113.8"].found


async def test_a_port_held_by_our_own_system_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        own.listen()
        file = config(tmp_path, gateway={"listen": f"127.0.0.1:{own.getsockname()[1]}"})
        monkeypatch.setattr(machine, "processes_of", lambda data: [1])
        assert worse(await look(file)) == set()


async def test_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for name, days, level in (("fresh", 90, Level.OK), ("soon", 2, Level.WARN), ("old", -3, Level.FAIL)):
        pair = authority.issue(name, days)
        pair.key.chmod(0o600)
        tls = {"cert": str(pair.cert), "key": str(pair.key)}
        found = await look(config(tmp_path, gateway={"listen": f"127.0.0.1:{free_port()}", "tls": tls}))
        assert found["gateway TLS"].level is level
    tls = {"cert": "s1.pem", "key": str(pair.key)}
    found = await look(config(tmp_path, gateway={"listen": f"127.0.0.1:{free_port()}", "tls": tls}))
    assert "holds no PEM certificate" in found["gateway TLS"].found


async def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    file = config(tmp_path)
    late = tmp_path / "data" / "ledger.db"
    late.touch()
    os.utime(late, (time.time() + 3600, time.time() + 3600))
    found = await look(file)
    assert found["clock"].level is Level.WARN
    assert "ledger.db" in found["clock"].found


async def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "blocked").touch()
    found = await look(config(tmp_path, data="blocked"))
    assert worse(found) == {"data folder"}


async def test_postgresql_is_asked(tmp_path: Path) -> None:
    away = config(tmp_path, ledger="postgresql://nobody:PASSWORD@127.0.0.1:1/none", ledger_password="env://LEDGER_SECRET")
    os.environ["LEDGER_SECRET"] = "geheim"
    try:
        found = await look(away)
    finally:
        del os.environ["LEDGER_SECRET"]
    assert worse(found) == {"ledger"}
    assert "geheim" not in repr(found["ledger"])
    with server() as running:
        url = running.database()  # of a server whose synchronous_commit is off
        found = await look(config(tmp_path, ledger=url))
        assert worse(found) == {"ledger"}
        assert "synchronous_commit=off" in found["ledger"].found
        found = await look(config(tmp_path, ledger=f"{url}&options=-csynchronous_commit%3Don"))
        assert worse(found) == set()
        assert "answers" in found["ledger"].found


def test_a_record_with_another_key_verifies_nothing() -> None:
    signer = Signer(RSA)
    assert verifies(signer, [RSA_RECORD], int(time.time()))
    assert not verifies(signer, [rsa_identity(selector="other")[1]], int(time.time()))


def test_the_command_tells_people_and_programs_and_fails_when_something_does(tmp_path: Path) -> None:
    file = config(tmp_path, identities=[])
    good = CliRunner().invoke(build(), ["doctor", "--config", str(file), "--json"])
    assert good.exit_code == 0, good.output
    told = json.loads(good.stdout)
    assert told["ok"] is True
    assert {c["level"] for c in told["checks"]} <= {"ok", "warn"}
    bad = config(tmp_path, identities=[], egresses=[{"address": "203.0.113.7", "ehlo": "mx.bank.test"}])
    result = CliRunner().invoke(build(), ["doctor", "--config", str(bad)])
    assert result.exit_code == 1
    assert "FAIL  egress 203.0.113.7" in result.stdout
    assert "add 203.0.113.7 to an interface" in result.stdout
    assert "1 fail" in result.stdout.splitlines()[-1]


def test_an_unreadable_config_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "hongyan.yaml"
    file.write_text("datta: x\nlanes: {start: 0}\n")
    result = CliRunner().invoke(build(), ["doctor", "--config", str(file), "--json"])
    assert result.exit_code == 1
    assert [(c["check"], c["level"]) for c in json.loads(result.stdout)["checks"]] == [("config", "fail")] * 2


def test_defaults_are_in_order_without_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Config().data == Path("hongyan-data")
    result = CliRunner().invoke(build(), ["doctor"], env={"HONGYAN_CONFIG": None})
    assert "no file: all defaults" in result.stdout
