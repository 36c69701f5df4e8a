"""A slot's values as text: null as nothing, the rest as Jinja2 prints and escapes it."""

from typing import Any

from markupsafe import escape as escape_one

from actors.renderer.functions.guards import weigh
from actors.renderer.functions.scope import Scope, each, fail_all
from actors.renderer.functions.values import BOOL, DECIMAL, FLOAT, INT, MARKUP, TEXT, Col, Value, list_of

_SEPARATOR = "\0"


def printed(scope: Scope, value: Value, escape: bool) -> list[str]:
    """One text a row."""
    if not isinstance(value, Col):
        try:
            return [_one(value.value, escape)] * scope.n
        except Exception as error:
            fail_all(scope, error)
            return [""] * scope.n
    values = value.list()
    kind = value.kind
    null = value.null
    if kind in (INT, FLOAT, BOOL, DECIMAL):
        texts = list(map(str, values))
    elif kind == MARKUP:
        texts = [v.__str__() for v in values]
    elif kind == TEXT:
        texts = values
    else:
        return [t or "" for t in list_of(each(scope, lambda v: _one(v, escape), (value,)), value.n)]
    if null is not None:
        texts = ["" if v is None else t for v, t in zip(values, texts, strict=True)]
    return escaped(texts) if escape and kind == TEXT else texts


def _one(value: Any, escape: bool) -> str:
    if value is None:
        return ""
    weigh(value)
    return str(escape_one(value)) if escape else str(value)


def escaped(texts: list[str]) -> list[str]:
    """Each text escaped for HTML: all in one pass, taken apart again at a character that none of them has."""
    joined = _SEPARATOR.join(texts)
    if joined.count(_SEPARATOR) != len(texts) - 1:
        return [str(escape_one(text)) for text in texts]
    markup = str(escape_one(joined))
    return texts if len(markup) == len(joined) else markup.split(_SEPARATOR)
