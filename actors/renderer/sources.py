"""Template files of a bundle: those that a job's content reaches by include, import or extends, and no others.

A bundle may hold any other text file as an attachment; what no template names is never read here.
"""

from collections.abc import Sequence

from jinja2 import meta

from actors.model.errors import InvalidInput, Problem
from actors.renderer.functions.snippet import Snippet, Snippets, snippet_keys
from actors.renderer.message.files import BundleFiles
from actors.renderer.message.html_page import bundle_path
from actors.renderer.message.html_text import text_template
from actors.renderer.template.syntax import parse

_SUFFIXES = (".html", ".htm", ".txt", ".j2", ".jinja", ".jinja2", ".css", ".md")
HTML_SUFFIXES = (".html", ".htm", ".html.j2", ".html.jinja", ".html.jinja2")
_MAX_BYTES = 5 << 20  # mails above this are refused by most receivers; stops a list that is named as a template
SNIPPETS = "snippets/"
_SNIPPET_SUFFIXES = (".html", ".htm", ".txt")


class Sources:
    """Reads templates once; `problems` grows."""

    def __init__(self, files: BundleFiles, names: Sequence[str]):
        self._files = files
        self._names = set(names)
        self._texts: dict[str, str] = {}
        self.problems: list[Problem] = []

    def reached_from(self, root: str) -> dict[str, str]:
        """Text by bundle path of `root` and all that it can reach; empty when the root cannot be read."""
        if root not in self._names:
            return {}
        found: dict[str, str] = {}
        waiting = [root]
        while waiting:
            name = waiting.pop()
            text = None if name in found or name not in self._names else self._text(name)
            if text is not None:
                found[name] = text
                waiting += self._references(text)
        return found if root in found else {}

    def snippets(self) -> Snippets:
        """The pieces of text below `snippets/`. What has only HTML also gets the text that it says."""
        found: dict[tuple[str, str], Snippet] = {}
        spare: dict[tuple[str, str], Snippet] = {}
        files = [n for n in sorted(self._names) if n.startswith(SNIPPETS) and n.endswith(_SNIPPET_SUFFIXES)]
        for file in files:
            text = self._text(file)
            if text is None:
                continue
            stem, _, kind = file[len(SNIPPETS) :].rpartition(".")
            for known, key in zip((found, spare), snippet_keys(stem), strict=False):
                html = known[key].html if key in known else None  # text files come after those of HTML
                known[key] = Snippet(html, text) if kind == "txt" else Snippet(text, text_template(text))
        return spare | found

    def _references(self, text: str) -> list[str]:
        """Bundle paths that the template names; every template file where it makes a name up."""
        try:
            tree = parse(text, "")
        except InvalidInput:
            return []  # the compiler reports it
        names = list(meta.find_referenced_templates(tree))
        if None in names:
            return sorted(n for n in self._names if n.endswith(_SUFFIXES))
        return [bundle_path(name) for name in names if name]

    def _text(self, name: str) -> str | None:
        if name in self._texts:
            return self._texts[name]
        try:
            data = self._files.read(name)
            if len(data) > _MAX_BYTES:
                raise ValueError(f"is larger than {_MAX_BYTES >> 20} MB")
            self._texts[name] = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.problems.append(Problem(name, "is not UTF-8", data.count(b"\n", 0, error.start) + 1))
            return None
        except ValueError as error:
            self.problems.append(Problem(name, str(error)))
            return None
        return self._texts[name]
