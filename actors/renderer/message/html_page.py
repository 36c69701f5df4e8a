"""What is changed in an HTML template before it is compiled: pictures of the bundle become `cid:` parts, the preheader goes in.

Works on the template's text, once a job; Jinja2 tags stay as they are. A reference that is made by a tag is left alone.
"""

import re
from collections.abc import Callable
from html import escape, unescape
from posixpath import normpath
from urllib.parse import unquote

import jinja2

from actors.model.errors import Problem
from actors.renderer.message.tags import split_tags

# The attributes that clients show pictures for, and CSS url(); quotes are needed so that tags inside values are left whole.
_REFERENCE = re.compile(
    r"""(?P<before><img\b[^<>]*?\ssrc\s*=\s*|\sbackground\s*=\s*)(?P<q>["'])(?P<a>[^"'<>{}]*)(?P=q)"""
    r"""|(?P<css>url\(\s*)(?P<cq>["']?|&quot;|&\#39;)(?P<u>[^"'()<>{}&\s]+)(?P=cq)(?=\s*\))""",
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//|/|#", re.IGNORECASE)
_BODY = re.compile(r"<body\b(?:[^<>]|\{[{%].*?[%}]\})*>", re.IGNORECASE | re.DOTALL)
_HEAD_END = re.compile(r"</head\s*>", re.IGNORECASE)
_PREHEADER = (
    '<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all;font-size:1px;line-height:1px">'
    "{}{}</div>"
)
_FILLER = "&#8199;&#847; " * 40  # keeps clients from filling the preview line with the start of the page


def replace_pictures(html: str, file: str, content_id: Callable[[str], str | None]) -> tuple[str, list[Problem]]:
    """The page with `cid:` references, and the pictures that are not there. `content_id` gives the id of a bundle path."""
    problems: list[Problem] = []

    def replace(match: re.Match[str]) -> str:
        target = match["u"] or match["a"] or ""
        path = bundle_path(unquote(unescape(target)))
        if not target or _SCHEME.match(target):
            return match[0]
        found = content_id(path) if path else None
        if found is None:
            line = html.count("\n", 0, match.start()) + 1
            problems.append(Problem(file, f"the picture {target!r} is not in the bundle", line))
            return match[0]
        if match["u"]:
            return f"{match['css']}{match['cq']}cid:{found}{match['cq']}"
        return f"{match['before']}{match['q']}cid:{found}{match['q']}"

    return _REFERENCE.sub(replace, html), problems


def bundle_path(path: str) -> str:
    """The path inside the bundle in plain form, or nothing if it leaves the bundle or cannot be a path."""
    if not path or path.startswith("/") or "\\" in path or any(ord(c) < 32 or ord(c) == 127 for c in path):
        return ""
    plain = normpath(path)
    return "" if plain in (".", "..") or plain.startswith("../") else plain


def insert_preheader(html: str, preheader: str) -> str:
    """The page with the hidden preview text, a text template, first in its body."""
    hidden = _PREHEADER.format(escape_static(preheader), _FILLER)
    match = _BODY.search(html) or _HEAD_END.search(html)
    if match is None:
        return hidden + html
    return html[: match.end()] + hidden + html[match.end() :]


def has_body(html: str) -> bool:
    """Whether the template writes the page's body itself (and not a template that it extends)."""
    return _BODY.search(html) is not None


def escape_static(template: str) -> str:
    """A text template as an HTML template: its static text is escaped, its tags stay."""
    try:
        parts = list(split_tags(template))
    except jinja2.TemplateSyntaxError:
        return template  # the compiler reports it
    return "".join(text if is_tag else escape(text, quote=False) for text, is_tag in parts)
