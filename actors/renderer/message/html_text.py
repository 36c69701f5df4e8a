"""The text part made from the HTML template: once a job, template in, template out, Jinja2 tags intact.

Each tag stands in for its text as one private-use character while `html.parser` reads the page. Output tags count as text;
statement tags take no place and move in front of the blank space around them, so a loop over table rows gives a line a turn.
What is hidden (style, script, comments, display:none) goes, with its tags when they are balanced.
"""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import jinja2

from actors.renderer.message.tags import split_tags

_FIRST = 0xF0000  # plane 15, private use
_LAST = 0xFFFFD
_MARK = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]")
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")
_MARKUP_FILTERS = re.compile(r"\|\s*(?:e|escape|forceescape|safe|nl2br|linkify|urlize)\b\s*(?:\([^()]*\))?")
_MARKUP_CALLS = re.compile(r"(?<![\w.])(?:nl2br|linkify)\s*(?=\()")
_OUTPUT_STATEMENTS = frozenset({"include"})
_OPENING = frozenset({"if", "for", "block", "macro", "call", "filter", "with", "autoescape"})
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "figure", "figcaption", "footer"}
    | {"form", "header", "main", "nav", "section", "table", "tbody", "thead", "tfoot", "tr", "li", "body", "html"}
)
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre"})
_CELLS = frozenset({"td", "th"})
_DROPPED = frozenset({"style", "script", "title", "template", "noscript", "svg"})
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n\f]+")


def text_template(html: str) -> str:
    """The text template of an HTML template. Syntax errors stay for the compiler to report on the original."""
    try:
        marked, tags = _mark(html)
    except jinja2.TemplateSyntaxError:
        return html
    reader = _Reader(tags)
    reader.feed(marked)
    reader.close()
    text = "".join(reader.out).strip(" \n")
    return _MARK.sub(lambda m: _plain_tag(tags[ord(m[0]) - _FIRST]), text)


def _mark(html: str) -> tuple[str, list[str]]:
    """The page with one character for each tag, and the tags."""
    out: list[str] = []
    tags: list[str] = []
    for text, is_tag in split_tags(html):
        if not is_tag:
            out.append(_MARK.sub("", text))
        elif not text.startswith("{#") and len(tags) <= _LAST - _FIRST:
            tags.append(text)
            out.append(chr(_FIRST + len(tags) - 1))
    return "".join(out), tags


def _plain_tag(tag: str) -> str:
    """A tag for plain text: no HTML filters, no white space control (the page's white space is already gone)."""
    if re.match(r"\{%[-+]?\s*raw\b", tag):
        return tag
    tag = tag.strip()
    if tag.startswith("{%"):
        tag = re.sub(r"^\{%[-+]", "{%", re.sub(r"[-+]%\}$", "%}", tag))
    elif tag.startswith("{{"):
        tag = re.sub(r"^\{\{[-+]", "{{", re.sub(r"[-+]\}\}$", "}}", tag))
    return _MARKUP_CALLS.sub("", _MARKUP_FILTERS.sub("", tag))


def _is_statement(tag: str) -> bool:
    match = _STATEMENT.match(tag)
    return match is not None and match[1] not in _OUTPUT_STATEMENTS and match[1] != "raw"


def _unbalanced(marks: str, tags: Sequence[str]) -> str:
    """The statement tags of a region that goes, unless they close all that they open."""
    depth, odd, kept = 0, False, ""
    for mark in _MARK.findall(marks):
        tag = tags[ord(mark) - _FIRST]
        match = _STATEMENT.match(tag)
        if match is None or match[1] in ("raw", "include"):
            continue
        kept += mark
        depth += 1 if match[1] in _OPENING else -1 if match[1].startswith("end") else 0
        odd = odd or depth < 0 or (depth == 0 and match[1] in ("else", "elif"))
    return kept if depth or odd else ""


class _Reader(HTMLParser):
    """`out` grows; `breaks` and `blank` are the white space owed before the next text."""

    def __init__(self, tags: Sequence[str]):
        super().__init__(convert_charrefs=True)
        self.tags = tags
        self.out: list[str] = []
        self.breaks = 0
        self.blank = False
        self.written = False
        self.hidden = ""  # the element that hides, and how many of its name are open
        self.depth = 0
        self.lost = ""
        self.pre = 0
        self.links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if self.hidden:
            self.lost += "".join(values) + "".join(values.values())
            self.depth += tag == self.hidden
            return
        if tag not in _VOID and (tag in _DROPPED or _HIDDEN.search(values.get("style", ""))):
            self.hidden, self.depth, self.lost = tag, 1, ""
            return
        shown = {"href"} if tag == "a" else {"alt"} if tag == "img" else set()
        self._statements("".join(f"{n}{v}" for n, v in values.items() if n not in shown))
        if tag == "br":
            self.breaks += 1
        elif tag == "hr":
            self._block(1)
            self._text("-" * 40)
            self._block(1)
        elif tag == "img":
            self._words(values.get("alt", ""))
        elif tag == "a":
            self.links.append((values.get("href", "").strip(), len(self.out)))
        else:
            self._edge(tag)
            self.pre += tag == "pre"
            if tag == "li":
                self._text("- ")
                self.blank = False

    def handle_endtag(self, tag: str) -> None:
        if self.hidden:
            self.depth -= tag == self.hidden
            if not self.depth:
                self.hidden = ""
                self._statements(self.lost)
            return
        if tag == "a" and self.links:
            self._link(*self.links.pop())
        self._edge(tag)
        self.pre = max(0, self.pre - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if self.hidden:
            self.lost += data
        elif self.pre:
            self._text(data.replace("\r\n", "\n"))
        else:
            self._words(data)

    def handle_comment(self, data: str) -> None:
        if self.hidden:
            self.lost += data
        else:
            self._statements(data)

    def _statements(self, marks: str) -> None:
        self.out.append(_unbalanced(marks, self.tags))

    def _edge(self, tag: str) -> None:
        if tag in _SPACED:
            self._block(2)
        elif tag in _BLOCKS:
            self._block(1)
        elif tag in _CELLS:
            self.blank = True

    def _block(self, lines: int) -> None:
        self.breaks = max(self.breaks, lines)

    def _words(self, data: str) -> None:
        """Text in which white space is one blank; statement tags are put out before the blank that is owed."""
        for part in re.split(f"({_MARK.pattern})", _BLANKS.sub(" ", data)):
            if _MARK.fullmatch(part) and _is_statement(tag := self.tags[ord(part) - _FIRST]):
                self._statement(part, tag)
            elif part:
                self.blank = self.blank or part[0] == " "
                if part != " ":
                    self._text(part.strip(" "))
                    self.blank = part[-1] == " "

    def _statement(self, mark: str, tag: str) -> None:
        """A block may be filled from another file, which knows nothing of the breaks owed here: they go before it."""
        if re.match(r"\{%[-+]?\s*block\b", tag):
            self.out.append("\n" * self.breaks if self.written else "")
            self.breaks, self.blank, self.written = 0, False, False
        elif "endblock" in tag:
            self.written = True
        self.out.append(mark)

    def _text(self, text: str) -> None:
        if self.breaks and self.written:
            self.out.append("\n" * self.breaks)
        elif self.blank and self.written and not self.out[-1].endswith(("\n", " ")):
            self.out.append(" ")
        self.breaks, self.blank, self.written = 0, False, True
        self.out.append(_protect(text.replace("\u00a0", " ")))

    def _link(self, target: str, start: int) -> None:
        """`text (URL)`; once where the text is the URL, not at all for a place on the same page."""
        shown = "".join(self.out[start:]).strip()
        target = target.removeprefix("mailto:").removeprefix("tel:")
        if target and not target.startswith("#") and target != shown:
            self.blank = self.blank or bool(shown)
            self._text(f"({target})" if shown else target)


def _protect(text: str) -> str:
    """Brackets that came from entities are text, not tags."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)
