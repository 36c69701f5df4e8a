"""`content`: pieces of text that a bundle keeps by name and language, `snippets/NAME.LOCALE.html` or `.txt`.

A snippet is no template. HTML is markup where HTML is written and its text elsewhere; a text file is text everywhere, so it is
escaped where HTML is written.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from markupsafe import Markup

from actors.renderer.functions.context import Context
from actors.renderer.functions.distinct import each_distinct
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import text
from actors.renderer.functions.registry import REGISTRY, SETTINGS, Function, signature
from actors.renderer.functions.scope import Scope, each
from actors.renderer.functions.snippet import Snippet, Snippets, plain_locale
from actors.renderer.functions.values import Lit, Value

FAMILY = "Tables"


def _found(snippets: Snippets, name: str, locale: str) -> Snippet | None:
    """The locale's own, else its language's, else the one without a locale."""
    wanted = plain_locale(locale)
    keys = ((name, wanted), (name, wanted.partition("-")[0]), (name, ""))
    return next((snippets[key] for key in keys if key in snippets), None)


def _problem(job: Context, given: Mapping[str, Any]) -> str:
    name = given.get("name")
    if name is None or (isinstance(name, str) and any(key[0] == name for key in job.snippets)):
        return ""
    near = get_close_matches(str(name), {key[0] for key in job.snippets}, 1)
    hint = f"did you mean {near[0]}?" if near else f"put it at snippets/{name}.html or .txt"
    return f"content: name names no snippet ({hint})"


def content(scope: Scope, args: Sequence[Value]) -> Value:
    """The snippet of this name in the locale (the job's, unless one is given), else in its language, else the one without a
    locale. It is no template."""
    name, locale = args
    job = scope.job

    def show(wanted: Any, language: Any = None) -> Any:
        if wanted is None:
            return None
        snippet = _found(job.snippets, text(wanted, "content", "name"), text(language or job.locale, "content", "locale"))
        if snippet is None:
            raise Refused("content", "name", "names no snippet for this locale")
        return Markup(snippet.html) if job.html and snippet.html is not None else snippet.text

    if isinstance(locale, Lit) and locale.value is None:
        return each_distinct(scope, show, name)
    return each(scope, show, (name, locale))


SETTINGS["content"] = _problem
REGISTRY["content"] = Function(
    name="content",
    family=FAMILY,
    kind="D",
    meaning=" ".join((content.__doc__ or "").split()),
    example="content('closing')",
    expected="敬祝 商祺",
    nulls="null in, null out",
    signature=signature("name", locale=None),
    run=content,
)
