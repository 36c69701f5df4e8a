"""A slot's values as text: null as nothing, the rest as Jinja2 prints and escapes it."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import escape as escape_one

from actors.renderer.functions.coded import Coded, Words, words_of
from actors.renderer.functions.digits import printed_decimals, printed_floats, printed_ints
from actors.renderer.functions.guards import weigh
from actors.renderer.functions.scope import Scope, each, fail_all
from actors.renderer.functions.strings import parts
from actors.renderer.functions.values import BOOL, DECIMAL, FLOAT, INT, MARKUP, TEXT, Col, Value, list_of

_SEPARATOR = "\0"
_ENTITIES = ((b"&", "&amp;"), (b"<", "&lt;"), (b">", "&gt;"), (b"'", "&#39;"), (b'"', "&#34;"))  # & before all others


def printed(scope: Scope, value: Value, escape: bool) -> list[str] | pa.StringArray | Coded:
    """One text a row."""
    if not isinstance(value, Col):
        try:
            return [text_of(value.value, escape)] * scope.n
        except Exception as error:
            fail_all(scope, error)
            return [""] * scope.n
    kind = value.kind
    if kind not in (INT, FLOAT, BOOL, DECIMAL, TEXT, MARKUP):
        return [t or "" for t in list_of(each(scope, lambda v: text_of(v, escape), (value,)), value.n)]
    coded = value.coded if value.coded is not None else _coded(value)
    if coded is not None:
        if value.null is not None and value.coded is None:
            coded = coded.where(~value.null)
        return coded.of(_escaped_words) if escape and kind == TEXT else coded
    text = _arrow(value)
    if text is not None:
        if value.null is not None:
            text = pc.if_else(pa.array(value.null), "", text)
        return escaped_column(text) if kind == TEXT and escape else text
    texts = [v.__str__() for v in value.list()] if kind != TEXT else value.list()
    if value.null is not None:
        texts = ["" if v is None else t for v, t in zip(value.list(), texts, strict=True)]
    return escaped(texts) if escape and kind == TEXT else texts


def _arrow(value: Col) -> pa.StringArray | None:
    """The texts in Arrow, anything where null; None where Python must print them."""
    if value.kind in (TEXT, MARKUP):
        return value.text()
    if value.kind == INT:
        return pa.array(value.array()).cast(pa.string())
    return None


def _coded(value: Col) -> Coded | None:
    """Numbers as Python prints them, anything where null; None where there is no such form."""
    if value.kind == INT:
        return printed_ints(value)
    if value.kind == BOOL:
        return Coded((words_of("False", "True"), value.array().astype(np.int8)))
    if value.kind == DECIMAL:
        return printed_decimals(value)
    return printed_floats(value.array()) if value.kind == FLOAT else None


def text_of(value: Any, escape: bool) -> str:
    """One value's text."""
    if value is None:
        return ""
    weigh(value)
    return str(escape_one(value)) if escape else str(value)


def _escaped_words(words: Words) -> Words:
    text = escaped_column(words.texts)
    return words if text is words.texts else Words(text, ended=True)


def escaped_column(text: pa.StringArray) -> pa.StringArray:
    """Each text escaped for HTML."""
    held = parts(text)[1].tobytes()
    for character, entity in _ENTITIES:
        if character in held:
            text = pc.replace_substring(text, character.decode(), entity)
    return text


def escaped(texts: list[str]) -> list[str]:
    """Each text escaped for HTML: all in one pass, taken apart again at a character that none of them has."""
    joined = _SEPARATOR.join(texts)
    if joined.count(_SEPARATOR) != len(texts) - 1:
        return [str(escape_one(text)) for text in texts]
    markup = str(escape_one(joined))
    return texts if len(markup) == len(joined) else markup.split(_SEPARATOR)
