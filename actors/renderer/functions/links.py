"""Links: parameters and signatures on http(s) URLs. The rest of the URL stays, but for what a URL cannot hold (see `urls`)."""

import base64
import hmac
from collections.abc import Callable
from functools import partial
from typing import Any

from actors.renderer.functions import keys, urls
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import octets, shown, text, whole
from actors.renderer.functions.registry import SETTINGS, prepared, scalar

FAMILY = "Links"
MAX_TTL = 10 * 366 * 86_400  # ten years; who wants a link that never ends needs no signature that does
EXPIRES, SIGNATURE = "exp", "sig"


def _url(value: Any, function: str) -> urls.Url:
    octets(value, function, "u")
    found = urls.parsed(text(value, function, "u"))
    if found is None:
        raise Refused(function, "u", f"is no http or https URL of at most {urls.MAX_URL_CHARS:,} characters with a plain host")
    return found


def _with_query(function: str, u: Any, pairs: dict[str, Any]) -> str:
    found = {name: shown(value) for name, value in pairs.items() if value is not None}
    for value in found.values():
        if not value.isascii():
            octets(value, function, "v")
    result = str(urls.with_query(_url(u, function), found))
    if len(result) > urls.MAX_URL_CHARS:
        raise Refused(function, "u", f"becomes longer than {urls.MAX_URL_CHARS:,} characters")
    return result


@scalar(
    FAMILY,
    "add_query('https://demo.com/p?a=1#top', 'name', '王 & co', 'a', 2)",
    "https://demo.com/p?a=2&name=%E7%8E%8B%20%26%20co#top",
    nulls="null in, null out; a parameter whose value is null is left as it is",
    needed=("u",),
)
def add_query(u: Any, *pairs: Any) -> str:
    """The URL with parameters (name, value, name, value ...); one that is there already gets the new value."""
    names = [text(name, "add_query", "name") for name in pairs[::2]]
    if len(pairs) % 2 or not all(names):
        raise Refused("add_query", "pairs", "must be a name and a value each")
    for name in names:
        octets(name, "add_query", "name")
    return _with_query("add_query", u, dict(zip(names, pairs[1::2], strict=True)))


@scalar(
    FAMILY,
    "utm('https://demo.com/', 'news', 'email', 'spring')",
    "https://demo.com/?utm_source=news&utm_medium=email&utm_campaign=spring",
    nulls="null in, null out; a parameter whose value is null is left as it is",
    needed=("u",),
)
def utm(u: Any, source: Any, medium: Any, campaign: Any) -> str:
    """The URL with utm_source, utm_medium and utm_campaign."""
    return _with_query("utm", u, {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign})


@prepared(
    FAMILY,
    "sign_url('https://demo.com/file?id=7', 3600, 'demo')",
    "https://demo.com/file?id=7&exp=1795455000&sig=WgZ36apy72z-VS9Ujv30ojxQwCGWrb83jFm_tYDgMfM",
    value="u",
    kind="R",
)
def sign_url(job: Context, ttl: Any, key_id: Any) -> Callable[[Any], str]:
    """The URL with exp (the job's as_of and ttl seconds) and sig, an HMAC-SHA-256 with the named key over path and query."""
    expires = int(job.as_of.timestamp()) + whole(ttl, "sign_url", "ttl", 1, MAX_TTL)
    start = hmac.new(keys.derived(keys.named(job, key_id, "sign_url"), "sign_url 1"), digestmod="sha256")

    def signed(u: Any) -> str:
        url = _url(u, "sign_url")
        if {EXPIRES, SIGNATURE} & set(urls.names(url)):
            raise Refused("sign_url", "u", f"has a parameter {EXPIRES} or {SIGNATURE} already")
        query = f"{url.query}&{EXPIRES}={expires}" if url.query else f"{EXPIRES}={expires}"
        path = url.path or "/"
        mac = start.copy()
        mac.update(f"{path}?{query}".encode())
        signature = base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()
        return str(url._replace(path=path, query=f"{query}&{SIGNATURE}={signature}"))

    return signed


SETTINGS["sign_url"] = partial(keys.unknown, function="sign_url")
