"""Text and markup: tags taken out, and the two functions that give markup. Whatever comes in, each character is read once.

`nl2br` and `linkify` escape plain text and give markup, which a slot then prints as it is. Only http and https become links.
"""

import html
import re
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from actors.renderer.functions import urls
from actors.renderer.functions.errors import Limit
from actors.renderer.functions.inputs import bounded, text
from actors.renderer.functions.limits import MAX_TEXT_CHARS
from actors.renderer.functions.registry import scalar

FAMILY = "Text"
# As browsers read it: a tag or comment that is not closed reaches to the end. Nothing is ever tried in two ways.
_TAG = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?][^>]*+(?:>|\Z)"
    r"|</?+([A-Za-z][^\s/>]*+)(?:[^>\"']++|\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))*+(?:>|\Z)|</[^>]*+(?:>|\Z)",
    re.DOTALL,
)
_NO_TEXT = frozenset(("script", "style", "template", "noscript", "title"))
_LINES = frozenset(
    {"address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure"}
    | {"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section"}
    | {"table", "tbody", "tfoot", "thead", "tr", "ul"}
)
_CELLS = frozenset(("td", "th"))
_NEWLINE = re.compile(r"\r\n|\r|\n")
_LINK = re.compile(r"(?<![A-Za-z0-9])https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
_TRAILING = frozenset(".,;:!?'")
_CLOSING = {")": "(", "]": "["}
_ANCHOR = re.compile(r"<(/?)a(?=[\s/>])", re.IGNORECASE)


@scalar(FAMILY, "strip_html('<p>Dear&nbsp;<b>王</b></p><p>&lt;3</p>')", "Dear\u00a0王\n<3")
def strip_html(t: Any) -> str:
    """The text of markup: tags out, entities decoded, a line break where paragraphs, lines and rows end. Scripts and styles go
    with what they hold."""
    value = text(t, "strip_html", "t")
    if "<" in value:
        value = _without_tags(value)
    if "\n" in value:
        value = "\n".join(stripped for line in value.split("\n") if (stripped := line.strip()))
    # Entities after the tags: what they write is text, never a tag.
    return bounded(html.unescape(value).strip())


def _without_tags(value: str) -> str:
    out: list[str] = []
    at = 0
    while (tag := _TAG.search(value, at)) is not None:
        out.append(value[at : tag.start()])
        name = (tag[1] or "").lower()
        at = tag.end()
        if name in _LINES:
            out.append("\n")
        elif name in _CELLS:
            out.append(" ")
        elif name in _NO_TEXT and value[tag.start() + 1] != "/":
            at = _end_of(value, name, at)
    out.append(value[at:])
    return "".join(out)


def _end_of(value: str, name: str, at: int) -> int:
    """Where the text goes on behind an element whose content is no text."""
    end = re.compile(rf"</{name}(?![^\s/>])[^>]*+(?:>|\Z)", re.IGNORECASE).search(value, at)
    return end.end() if end else len(value)


@scalar(FAMILY, "nl2br('a & b\\nc')", "a &amp; b<br>\nc")
def nl2br(t: Any) -> Markup:
    """Markup: the text escaped, with <br> at each line break."""
    value = text(t, "nl2br", "t")
    safe = value if isinstance(t, Markup) else "".join((escape(value),))
    return Markup(bounded(_NEWLINE.sub("<br>\n", safe)))


@scalar(
    FAMILY,
    "linkify('see https://demo.com/a?b=1&c=2.')",
    'see <a href="https://demo.com/a?b=1&amp;c=2">https://demo.com/a?b=1&amp;c=2</a>.',
)
def linkify(t: Any) -> Markup:
    """Markup: the text escaped, with each http and https URL as a link. In text that is markup already, tags and links stay."""
    value = text(t, "linkify", "t")
    if len(value) > MAX_TEXT_CHARS:
        raise Limit("takes a value that is too long")
    if not isinstance(t, Markup):
        return Markup(bounded(_linked(value)))
    pieces = [0, *(edge for match in _TAG.finditer(value) for edge in match.span()), len(value)]
    out: list[str] = []
    inside = 0
    for number, (start, end) in enumerate(pairwise(pieces)):
        piece = value[start:end]
        if number % 2:  # a tag
            anchor = _ANCHOR.match(piece)
            inside += 0 if anchor is None else -1 if anchor[1] else 1
            out.append(piece)
        else:
            out.append(piece if inside > 0 or "://" not in piece else _linked(html.unescape(piece)))
    return Markup(bounded("".join(out)))


def _linked(value: str) -> str:
    """Plain text as markup with links."""
    out: list[str] = []
    at = 0
    for match in _LINK.finditer(value):
        url = _trimmed(match[0])
        if urls.parsed(url) is None:
            continue
        shown = escape(url)
        out += [escape(value[at : match.start()]), f'<a href="{shown}">{shown}</a>']
        at = match.start() + len(url)
    out.append(escape(value[at:]))
    return "".join(out)


def _trimmed(url: str) -> str:
    """Without the sentence's punctuation and brackets that were opened before the URL."""
    end = len(url)
    missing = {close: url.count(close) - url.count(opened) for close, opened in _CLOSING.items()}
    while end:
        last = url[end - 1]
        if last in _CLOSING and missing[last] > 0:
            missing[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return url[:end]
