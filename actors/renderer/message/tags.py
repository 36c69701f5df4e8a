"""Where Jinja2's tags stand in a template's text, as its own lexer sees them: what is static, what is a tag."""

from collections.abc import Iterator

import jinja2

from actors.renderer.functions.limits import MAX_TOKENS

_ENVIRONMENT = jinja2.Environment(keep_trailing_newline=True)


def split_tags(source: str) -> Iterator[tuple[str, bool]]:
    """The text in stretches, in order; True: a whole tag, comment or raw block. TemplateSyntaxError if one never ends."""
    current = ""
    raw = False
    for count, (line, kind, value) in enumerate(_ENVIRONMENT.lex(source)):
        if count == MAX_TOKENS:  # which the compiler refuses, too
            raise jinja2.TemplateSyntaxError("has too many words and signs in its tags", line)
        if kind == "data" and not raw:
            yield value, False
            continue
        current += value
        raw = kind == "raw_begin" or (raw and kind != "raw_end")
        if kind.endswith("_end"):
            yield current, True
            current = ""
    if current:
        raise jinja2.TemplateSyntaxError("a tag is never closed", source.count("\n") + 1)


def static_texts(source: str) -> list[str]:
    """The stretches outside all tags; nothing where the syntax is broken, which the compiler reports."""
    try:
        return [text for text, is_tag in split_tags(source) if not is_tag]
    except jinja2.TemplateSyntaxError:
        return []
