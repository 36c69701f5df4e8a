"""http(s) URLs as functions take them apart and put them together (RFC 3986), and what the host may be.

What a URL cannot hold (blanks, CR, LF, quotes, backslashes, letters outside ASCII) is percent-encoded, so that a URL ends
neither a header nor an attribute. A URL with another scheme, with a user before the host or with an odd host is none.
"""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

from actors.model.mailbox import check_domain

MAX_URL_CHARS = 8_000  # browsers and mail programs begin to fail at about 2,000
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")  # a host of the own network
_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]*")
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*")  # with % only where two hexadecimal digits follow
_KEPT = "-._~!$&'()*+,;=:@/?%"


class Url(NamedTuple):
    """An http(s) URL; `query` and `fragment` are None where there is none."""

    scheme: str
    host: str  # with port
    path: str
    query: str | None
    fragment: str | None

    def __str__(self) -> str:
        query = "" if self.query is None else f"?{self.query}"
        fragment = "" if self.fragment is None else f"#{self.fragment}"
        return f"{self.scheme}://{self.host}{self.path}{query}{fragment}"


def parsed(value: str) -> Url | None:
    """The URL, everything encoded that must be; None where it is no http(s) URL. UnicodeEncodeError for lone surrogates."""
    found = _URL.fullmatch(value.strip()) if len(value) <= MAX_URL_CHARS else None
    if found is None:
        return None
    host = _host(found[2])
    if not host:
        return None
    path, query, fragment = (None if part is None else _clean(part) for part in found.groups()[2:])
    return Url(found[1].lower(), host, path or "", query, fragment)


@lru_cache(1024)
def _host(authority: str) -> str:
    """The host in ASCII with its port, or nothing."""
    found = _HOST.fullmatch(authority)
    if found is None or (found[2] and int(found[2]) > 65_535):
        return ""
    name, port = found[1].lower(), f":{found[2]}" if found[2] else ""
    if _LABEL.fullmatch(name):
        return name + port
    if name[0] == "[" or name[-1].isdigit():
        return name + port if _is_address(name) else ""
    domain, reason = check_domain(name)
    return "" if reason else domain + port


def _is_address(name: str) -> bool:
    try:
        return ip_address(name.strip("[]")).version == (6 if name[0] == "[" else 4)
    except ValueError:
        return False


def _clean(part: str) -> str:
    if "%" in part:
        part = _STRAY.sub("%25", part)
    return part if _PLAIN.fullmatch(part) else quote(part, safe=_KEPT)


def component(value: str) -> str:
    """Percent-encoded but for the unreserved characters (RFC 3986, section 2.3)."""
    return value if _UNRESERVED.fullmatch(value) else quote(value, safe="")


def names(url: Url) -> list[str]:
    """The names of its parameters."""
    return [unquote_plus(part.partition("=")[0]) for part in (url.query or "").split("&")]


def with_query(url: Url, pairs: dict[str, str]) -> Url:
    """The URL with these parameters: in the place of the first of the same name, whose others go, else at the end."""
    left = dict(pairs)
    kept: list[str] = []
    for part in (url.query or "").split("&"):
        name = unquote_plus(part.partition("=")[0])
        if name not in pairs:
            kept += [part] if part else []
        elif name in left:
            kept.append(f"{component(name)}={component(left.pop(name))}")
    kept += [f"{component(name)}={component(value)}" for name, value in left.items()]
    return url._replace(query="&".join(kept) if kept else url.query)
