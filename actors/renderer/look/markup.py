"""Links, pictures and elements of finished pages, for the report. Reads HTML as it comes; nothing is fetched."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

MOST_LINKS = 200  # different ones that are told
MAX_URL_CHARS = 300
_DROPPED = frozenset(("script", "iframe", "form", "object", "embed", "video", "audio"))  # mail programs take these out
_ADDRESS = re.compile(r"^\s*(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/?#]\S*)?\s*$", re.IGNORECASE)
_IP = re.compile(r"^[\d.]+$|:")


@dataclass(slots=True)
class Link:
    """One target. `shows`: another address that its text shows."""

    url: str
    line: int
    shows: str = ""
    rows: list[int] = field(default_factory=list)

    @property
    def secure(self) -> bool:
        return _scheme(self.url) in ("https", "mailto", "tel", "sms", "cid", "") or self.url.startswith("#")

    @property
    def runs(self) -> bool:
        """Whether it is no address but a script or a page of its own."""
        return _runs(self.url)

    @property
    def numeric_host(self) -> bool:
        return bool(_IP.search(_host(self.url)))


@dataclass(slots=True)
class Picture:
    """One picture; `alt` is None where the attribute is missing."""

    url: str
    line: int
    alt: str | None
    secure: bool  # https, or in the mail
    rows: list[int] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        """Whether it is no address but a script or a page of its own."""
        return _runs(self.url)


@dataclass(slots=True)
class Markup:
    """What some pages hold together."""

    names: dict[str, str] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    pictures: dict[tuple[str, str | None], Picture] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    least_text: int = -1  # characters that a reader sees on the page with the fewest; -1: no page


def markup_of(pages: Iterable[tuple[int, str]], names: Mapping[str, str] | None = None) -> Markup:
    """`pages`: row and HTML. `names`: what addresses of pictures are told as."""
    found = Markup(names=dict(names or {}))
    for row, html in pages:
        reader = _Reader(found, row)
        reader.feed(html)
        reader.close()
        found.least_text = reader.chars if found.least_text < 0 else min(found.least_text, reader.chars)
    return found


class _Reader(HTMLParser):
    def __init__(self, found: Markup, row: int):
        super().__init__(convert_charrefs=True)
        self._found, self._row = found, row
        self._open: Link | None = None
        self._shown = ""
        self._silent = 0  # inside style, script, head
        self.chars = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("style", "script", "title"):
            self._silent += 1
        if tag in _DROPPED:
            self._found.dropped.add(tag)
        if tag in ("a", "area") and given.get("href", "").strip():
            self._open = self._link(given["href"].strip())
            self._shown = ""
        if tag == "img":
            url = given.get("src", "").strip()[:MAX_URL_CHARS]
            alt = given.get("alt") if any(name == "alt" for name, _ in attrs) else None
            known = self._found.pictures
            if (url, alt) in known or len(known) < MOST_LINKS:
                shown = self._found.names.get(url, url)
                secure = _scheme(url) in ("https", "cid")
                _note(known.setdefault((url, alt), Picture(shown, self.getpos()[0], alt, secure)).rows, self._row)

    def _link(self, url: str) -> Link | None:
        known, url = self._found.links, url[:MAX_URL_CHARS]
        if url not in known and len(known) >= MOST_LINKS:
            return None
        link = known.setdefault(url, Link(url, self.getpos()[0]))
        _note(link.rows, self._row)
        return link

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "title") and self._silent:
            self._silent -= 1
        if tag == "a" and self._open is not None:
            shown = _ADDRESS.match(self._shown)
            host = _host(self._open.url)
            if shown and host and not _same_site(shown[1].lower(), host):
                self._open.shows = shown[1].lower()
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self._shown += data[:MAX_URL_CHARS]
        self.chars += len("".join(data.split()))


def _note(rows: list[int], row: int) -> None:
    if row not in rows:
        rows.append(row)


def _runs(url: str) -> bool:
    """As browsers read it: control characters and blanks in front, tabs and line ends anywhere count for nothing."""
    scheme = _scheme("".join(c for c in url if c > " "))
    return scheme in ("javascript", "vbscript", "livescript", "file") or (
        scheme == "data" and not url.strip().lower().startswith("data:image/")
    )


def _scheme(url: str) -> str:
    found = re.match(r"\s*([a-z][a-z0-9+.-]*):", url, re.IGNORECASE)
    return found[1].lower() if found else "https" if url.startswith("//") else ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _same_site(one: str, other: str) -> bool:
    one, other = one.removeprefix("www."), other.removeprefix("www.")
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
