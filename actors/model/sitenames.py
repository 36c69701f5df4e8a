"""What a site's name tells: `mx.example.com+2#ab12cd34!dane!sts`. Made by the sender's `mx` and `sts`; only read here.

First host by name, how many more and a digest of all where there are more, then what connections must hold to. Two sites that
differ by that alone are the same receiver: what an operator says of one is said of the other.
"""

import re

DEMANDS = {"sts": "MTA-STS", "dane": "DANE", "verify": "verified TLS", "required": "TLS", "none": "no TLS"}
_DEMAND = re.compile(r"([a-z]+)\d*")  # MTA-STS tells how many of the hosts a policy has left


def base_of(site: str) -> str:
    """The name without what connections must hold to."""
    return site.partition("!")[0]


def host_of(site: str) -> str:
    """The first host's name, in small letters."""
    return base_of(site).partition("+")[0].rstrip(".").lower()


def means(asked: str, site: str) -> bool:
    """Whether somebody who says `asked` means this site: by its whole name or without the demands; empty means every site."""
    return asked in ("", site, base_of(site))


def spoken(site: str) -> str:
    """For people: `mx.example.com+2#ab12cd34 (DANE, MTA-STS)`."""
    base, *demands = site.split("!")
    found = [DEMANDS.get(m[1], m[0]) if (m := _DEMAND.fullmatch(demand)) else demand for demand in demands]
    return f"{base} ({', '.join(found)})" if found else base
