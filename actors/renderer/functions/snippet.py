"""One piece of text that a bundle keeps by name and language. Pure data; `content` finds it, `sources` reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LOCALE = re.compile(r"(.+)\.([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One name in one language: `html` and the text that stands for it, or a text alone (`html` None)."""

    html: str | None
    text: str


Snippets = Mapping[tuple[str, str], Snippet]  # (name, locale in lower case with -, empty for the one without)


def snippet_keys(stem: str) -> list[tuple[str, str]]:
    """The keys of a file's name without its ending, the best first: `terms.zh-TW` is `terms` in zh-TW, or its own name."""
    found = _LOCALE.fullmatch(stem)
    return [(found[1], plain_locale(found[2])), (stem, "")] if found else [(stem, "")]


def plain_locale(name: str) -> str:
    """`zh_TW` and `zh-TW` as `zh-tw`."""
    return name.replace("_", "-").lower()
