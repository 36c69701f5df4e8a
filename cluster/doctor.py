"""`hongyan doctor`: everything that an operator can get wrong, looked at in one go. Puts the questions only.

Local things in `machine`, the DNS by `lookup`, judged in `findings` and `mailrecords`. Runs beside a live system and leaves
it alone. No finding holds a secret.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import dkim

from actors.model.errors import InvalidInput
from actors.model.rendersettings import Identity
from actors.renderer.message.dkim import Signer, body_hash, relaxed
from cluster import machine, mailrecords
from cluster.config import Config, EgressConfig, load
from cluster.findings import Finding, fail, ok
from cluster.lookup import Lookup

BODY = b"doctor\r\n"


async def examine(
    file: Path | None, now: Callable[[], float], lookup: Callable[[Config], Lookup] = lambda c: Lookup(c.nameservers)
) -> list[Finding]:
    """All findings, local ones first."""
    try:
        config = load(file)
    except InvalidInput as error:
        return [fail("config", str(problem), "mend the config file") for problem in error.problems]
    start = ok("config", str(config.file) if config.file.exists() else "no file: all defaults")
    here = await asyncio.to_thread(lambda: list(_local(config, now)))
    signers, broken = _signers(config)
    return [start, *here, *broken, *[f async for f in _by_dns(config, signers, lookup(config), now)]]


def _local(config: Config, now: Callable[[], float]) -> Iterator[Finding]:
    yield from machine.data_folder(config)
    yield machine.ledger(config)
    yield from machine.egresses(config)
    yield machine.gateway_port(config)
    yield from machine.certificate(config, now())
    yield from machine.secret_files(config)
    yield from machine.template_keys(config)
    yield machine.open_files()
    yield machine.clock(config, now)


def _signers(config: Config) -> tuple[list[Signer], list[Finding]]:
    """The identities whose key can sign, and what is wrong with the others."""
    signers, broken = [], []
    for entry in config.identities:
        check = f"DKIM {entry.selector}._domainkey.{entry.domain}"
        try:
            signers.append(Signer(Identity(entry.domain, entry.selector, config.secret(entry.key).encode())))
        except InvalidInput as error:
            broken += [
                fail(check, p.message, "an RSA key of 2048 bits or more, or an Ed25519 key, in PEM") for p in error.problems
            ]
    return signers, broken


async def _by_dns(config: Config, signers: list[Signer], lookup: Lookup, now: Callable[[], float]) -> AsyncIterator[Finding]:
    domains = dict.fromkeys(s.domain for s in signers)
    public = [e for e in config.egresses if not ipaddress.ip_address(e.address).is_private]
    questions = [
        *(_key_record(signer, lookup, int(now())) for signer in signers),
        *(_domain(domain, [e.address for e in public], lookup) for domain in domains),
        *(_reverse(egress, lookup) for egress in public),
    ]
    for found in await asyncio.gather(*questions):
        for finding in found:
            yield finding


async def _key_record(signer: Signer, lookup: Lookup, stamp: int) -> list[Finding]:
    answer = await lookup.texts(signer.record_name)
    found = mailrecords.judge_key_record(signer.record_name, signer.record(), answer)
    if found.remedy or not answer:
        return [found]
    verified = await asyncio.to_thread(verifies, signer, answer, stamp)
    if not verified:
        return [fail(found.check, "a signature made with our key does not verify against the record", "publish it anew")]
    return [ok(found.check, f"{found.found}; a signature made with it verifies")]


def verifies(signer: Signer, texts: list[str], stamp: int) -> bool:
    """An independent verifier accepts what the signer signs, with the record as the DNS has it."""
    fields = {"From": f"From: doctor@{signer.domain}\r\n".encode(), "Subject": b"Subject: doctor\r\n"}
    canonical = b"".join(bytes(relaxed(name, line)) for name, line in fields.items())  # type: ignore[arg-type]
    field = signer.sign(signer.heading(list(fields), stamp), canonical, body_hash(BODY))
    record = next(text for text in texts if "p" in mailrecords.tags(text))
    try:
        return bool(dkim.verify(field + b"".join(fields.values()) + b"\r\n" + BODY, dnsfunc=lambda *_, **__: record.encode()))
    except dkim.DKIMException:
        return False


async def _domain(domain: str, addresses: list[str], lookup: Lookup) -> list[Finding]:
    names = mailrecords.dmarc_names(domain)
    spf, *policies = await asyncio.gather(lookup.texts(domain), *(lookup.texts(name) for name in names))
    answers = dict(zip(names, policies, strict=True))
    return [mailrecords.judge_spf(domain, spf, addresses), mailrecords.judge_dmarc(domain, answers)]


async def _reverse(egress: EgressConfig, lookup: Lookup) -> list[Finding]:
    kind = "AAAA" if ":" in egress.address else "A"
    names, forward = await asyncio.gather(lookup.names(egress.address), lookup.addresses(egress.ehlo, kind))
    return [mailrecords.judge_reverse(egress.address, egress.ehlo, names, forward)]
