"""Rules on what the DNS says of a sending domain: DKIM (RFC 6376, 8463), SPF (RFC 7208), DMARC (RFC 7489), reverse names.

Values in, findings out; `lookup` asks the DNS. An answer is a list of texts, empty where there is none, or None where the name
servers gave no answer. Every finding that wants a record shows it as it is to be published.
"""

import binascii
import ipaddress
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from cluster.findings import Finding, fail, ok, warn

Answer = Sequence[str] | None
NO_ANSWER = "the name servers gave no answer"
ASK_AGAIN = "check `nameservers` and the network, then call again"
_INDIRECT = re.compile(r"(?:^|\s)[+?~-]?(?:include:|a\b|mx\b|ptr\b|exists:|redirect=)", re.IGNORECASE)


def published(name: str, text: str) -> str:
    """A TXT record as a zone file has it: strings of 255 characters at most (RFC 1035 section 3.3)."""
    parts = " ".join(f'"{text[i : i + 255]}"' for i in range(0, len(text), 255))
    return f"{name}. TXT {parts}"


def tags(record: str) -> dict[str, str]:
    """A tag list (RFC 6376 section 3.2): `v=DKIM1; p=...`."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()}


def judge_key_record(name: str, wanted: str, answer: Answer) -> Finding:
    """The key record in the DNS against the one that belongs to our private key."""
    check, publish = f"DKIM {name}", f"publish {published(name, wanted)}"
    if answer is None:
        return fail(check, NO_ANSWER, ASK_AGAIN)
    found = [tags(text) for text in answer if "p" in tags(text)]
    if not found:
        return fail(check, "record not found", publish)
    if len(found) > 1:
        return fail(check, f"{len(found)} key records: receivers take any of them", f"leave only one; {publish}")
    record, ours = found[0], tags(wanted)
    if record.get("v", "DKIM1") != "DKIM1" or record.get("k", "rsa") != ours["k"]:
        return fail(check, f"the record is for another kind of key (k={record.get('k', 'rsa')})", publish)
    if not record["p"]:
        return fail(check, "the record says that the key is revoked (p= is empty)", f"make a new key, or {publish}")
    if _key_bytes(record["p"]) != _key_bytes(ours["p"]):
        return fail(check, "the record holds another key than ours", publish)
    if "sha256" not in record.get("h", "sha256").split(":"):
        return fail(check, f"the record does not allow sha256 (h={record['h']})", publish)
    if "y" in record.get("t", "").split(":"):
        return warn(check, "the record says t=y: receivers treat the domain as testing", f"when all is well, {publish}")
    return ok(check, "the record holds our key")


def _key_bytes(text: str) -> bytes:
    """One form for both that RSA keys are published in (SubjectPublicKeyInfo, RSAPublicKey); empty when it is no base64."""
    try:
        data = b64decode(text, validate=True)
    except binascii.Error:
        return b""
    try:
        key = load_der_public_key(data)
    except ValueError:
        return data
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1) if isinstance(key, RSAPublicKey) else data


def judge_spf(domain: str, answer: Answer, addresses: Sequence[str]) -> Finding:
    """The SPF record of a return-path domain, and whether it can allow our public addresses."""
    check = f"SPF {domain}"
    allow = _mechanisms(addresses) or "ip4:YOUR-ADDRESS"
    if answer is None:
        return fail(check, NO_ANSWER, ASK_AGAIN)
    found = [text for text in answer if re.match(r"v=spf1(?: |$)", text, re.IGNORECASE)]
    if not found:
        return fail(check, "record not found", f"publish {published(domain, f'v=spf1 {allow} -all')}")
    if len(found) > 1:
        return fail(check, f"{len(found)} SPF records, which is an error to every receiver", "leave only one")
    missing = [a for a in addresses if not _named(found[0], a)]
    if missing and not _INDIRECT.search(found[0]):
        return fail(check, f"the record does not allow {', '.join(missing)}", f"add {_mechanisms(missing)}")
    note = "; include, a, mx and redirect were not followed" if missing else ""
    return ok(check, f"{found[0]}{note}")


def _mechanisms(addresses: Sequence[str]) -> str:
    return " ".join(f"{'ip6' if ':' in a else 'ip4'}:{a}" for a in addresses)


def _named(record: str, address: str) -> bool:
    """An ip4 or ip6 mechanism covers the address."""
    for network in re.findall(r"(?:^|\s)\+?ip[46]:(\S+)", record, re.IGNORECASE):
        try:
            if ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False):
                return True
        except ValueError:
            continue
    return False


def dmarc_names(domain: str) -> list[str]:
    """Where a domain's policy may stand: at the domain, else at a parent of two labels or more."""
    labels = domain.split(".")
    return [f"_dmarc.{'.'.join(labels[n:])}" for n in range(max(1, len(labels) - 1))]


def judge_dmarc(domain: str, answers: Mapping[str, Answer]) -> Finding:
    """The nearest DMARC record; `answers` by name, nearest first."""
    check = f"DMARC {domain}"
    for name, answer in answers.items():
        if answer is None:
            return fail(check, NO_ANSWER, ASK_AGAIN)
        found = [text for text in answer if tags(text).get("v", "").upper() == "DMARC1"]
        if len(found) > 1:
            return fail(check, f"{len(found)} records at {name}, so none counts", "leave only one")
        if found and tags(found[0]).get("p", "").lower() not in ("none", "quarantine", "reject"):
            return fail(check, f"the record at {name} has no policy", "add p=none, p=quarantine or p=reject")
        if found:
            return ok(check, f"{found[0]} (at {name})")
    wanted = published(f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}")
    return fail(check, "record not found", f"publish {wanted}")


def judge_reverse(address: str, ehlo: str, names: Answer, forward: Answer) -> Finding:
    """PTR of a sending address names the EHLO name, whose own addresses (`forward`) lead back."""
    check = f"reverse DNS {address}"
    if names is None or forward is None:
        return fail(check, NO_ANSWER, ASK_AGAIN)
    remedy = f"let the owner of the address set its PTR record to {ehlo}, and publish {ehlo} with this address"
    if not names:
        return fail(check, "no name: many receivers refuse it", remedy)
    if ehlo.lower() not in [n.lower().rstrip(".") for n in names]:
        return warn(check, f"the name is {', '.join(names)}, not the EHLO name {ehlo}", remedy)
    if address not in forward:
        return fail(check, f"{ehlo} does not lead back to it", remedy)
    return ok(check, f"{ehlo}, and back")
