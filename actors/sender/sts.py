"""MTA-STS (RFC 8461): what a domain's policy says, and what it makes of its site. Pure: texts in, sites out.

`enforce` means: only hosts that the policy names, over TLS, with a certificate that a CA of the system vouches for and that
bears the host's name; rather no delivery than another. `testing` and `none` change nothing. A text that breaks a rule is no
policy.
"""

import re
from dataclasses import dataclass, replace

from actors.model.delivery import Reply, Site

MAX_POLICY = 65_536  # octets; real ones have some hundred
MAX_MX = 100  # patterns of one policy
LONGEST_AGE = 31_557_600  # a year (RFC 8461 section 3.2)
MODES = ("enforce", "testing", "none")
RECORD = re.compile(r"v=STSv1\s*;\s*id=([A-Za-z0-9]{1,32})\s*(;.*)?", re.DOTALL)

NO_HOST = Reply(451, "no MX host is named by the domain's MTA-STS policy", "4.4.4")


@dataclass(frozen=True, slots=True)
class Policy:
    """A domain's policy. `id`: the DNS record's, which changes with the policy; `until`: when it may be used no longer."""

    mode: str  # enforce | testing | none
    mx: tuple[str, ...]
    max_age: float
    id: str = ""
    until: float = 0.0


def record_id(texts: list[str]) -> str:
    """The id in the TXT records of `_mta-sts.DOMAIN` (as in a zone file); empty unless exactly one of them is a record."""
    found = []
    for text in texts:
        joined = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)) or text
        if joined.startswith("v=STSv1"):
            match = RECORD.fullmatch(joined.strip())
            found.append(match[1] if match else "")
    return found[0] if len(found) == 1 else ""


def read_policy(text: str) -> Policy | None:
    """The policy in a file (RFC 8461 section 3.2); None if it is none."""
    values: dict[str, str] = {}
    mx: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        key, colon, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if not colon or not key:
            return None
        if key == "mx":
            mx.append(value.lower().rstrip("."))
        else:
            values.setdefault(key, value)  # the first one counts
    age = values.get("max_age", "")
    if values.get("version") != "STSv1" or not (age.isascii() and age.isdigit() and len(age) <= 10):
        return None
    mode = values.get("mode", "")
    if mode not in MODES or len(mx) > MAX_MX or (mode != "none" and not mx):
        return None
    return Policy(mode, tuple(mx), float(min(int(age), LONGEST_AGE)))


def allows(patterns: tuple[str, ...], host: str) -> bool:
    """Whether a policy names the host; `*.example.com` stands for exactly one more label (RFC 8461 section 4.1)."""
    host = host.lower().rstrip(".")
    return any(host == p or (p.startswith("*.") and host.partition(".")[2] == p[2:]) for p in patterns)


def secured(site: Site, policy: Policy | None, rule: str = "") -> Site:
    """The site as the domain's policy and the operator's rule (none | opportunistic | required | verify) want it."""
    if site.refusal is not None:
        return site
    if policy is not None and policy.mode == "enforce":
        hosts = tuple(h for h in site.hosts if allows(policy.mx, h.name))
        if not hosts:
            return Site(name=f"none:sts:{site.name}", refusal=NO_HOST)
        left = f"{len(hosts)}" if len(hosts) < len(site.hosts) else ""
        return replace(site, name=f"{site.name}!sts{left}", hosts=hosts, tls="verify", sts=True)
    if rule and rule != site.tls:
        return replace(site, name=f"{site.name}!{rule}", tls=rule)
    return site
