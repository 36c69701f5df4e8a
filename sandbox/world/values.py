"""Values of a world: each function takes one from YAML and gives what it means, or raises ValueError with what it must be."""

import ipaddress
import re
from collections.abc import Callable

from sandbox import reading
from sandbox.reading import UNITS
from sandbox.world.texts import families

RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)?\s*(s|m|h|d)")
DOMAIN = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*")
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def rate(value: object) -> float:
    """Events a second from `10/s`, `600/10m`, `2000/d`."""
    found = RATE.fullmatch(str(value))
    if not found or not float(found[1]):
        raise ValueError("must be a rate, as 10/s, 600/10m or 2000/d")
    over = float(found[2] or 1) * UNITS[found[3]]
    if not over:
        raise ValueError("must be a rate, as 10/s, 600/10m or 2000/d")
    return float(found[1]) / over


def span(value: object) -> float:
    found = reading.seconds(value)
    if found < 1:
        raise ValueError("must be a second or more")
    return found


def growth(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 10:
        raise ValueError("must be between 1 and 10")
    return float(value)


def one_of(*words: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return read


def family(value: object) -> str:
    return one_of(*families())(value)


def rule_name(value: object) -> str:
    return one_of(*families()["postfix"])(value)


def name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError("must be a name of letters, digits, dots and dashes")
    return value


def word(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def port(value: object) -> int:
    number = reading.whole(value)
    if number > 65535:
        raise ValueError("must be a port")
    return number


def domains(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of domains")
    for domain in value:
        if not isinstance(domain, str) or not DOMAIN.fullmatch(domain.lower()):
            raise ValueError(f"{domain!r} is no domain, as example.test or *.example.test")
    return tuple(domain.lower() for domain in value)


def hosts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of loopback addresses")
    for host in value:
        if not ipaddress.ip_address(str(host)).is_loopback:
            raise ValueError(f"{host} is no loopback address")
    return tuple(str(host) for host in value)
