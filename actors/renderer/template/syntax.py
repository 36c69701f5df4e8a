"""Template source to syntax tree by Jinja2's own parser, and the source text of each slot for reports.

Nothing is evaluated here, and the tree is not changed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from actors.model.errors import InvalidInput, Problem
from actors.renderer.functions.limits import MAX_DEPTH, MAX_NODES, MAX_SOURCE_CHARS, MAX_TOKENS
from actors.renderer.template.walking import find_all

_SOURCE_CHARS = 120  # of a slot in a report
_LONG_NUMBER = re.compile(r"[0-9][0-9_]{4000}|0[xX][0-9a-fA-F_]{4000}")  # Jinja2's lexer takes a gigabyte for a million digits
_parser = Environment()  # default syntax; used for nothing but parsing


Token = tuple[int, str, str]  # line, kind, text


def parse(source: str, name: str) -> nodes.Template:
    """The tree of one template. Raises InvalidInput with the place of the mistake."""
    return _parsed(source, name)[0]


def _parsed(source: str, name: str) -> tuple[nodes.Template, list[Token]]:
    """The tree, and the tokens that it was made of."""
    if len(source) > MAX_SOURCE_CHARS:
        raise _invalid(name, f"has over {MAX_SOURCE_CHARS:,} characters")
    if found := _LONG_NUMBER.search(source):
        raise _invalid(name, "has a number of over 4,000 digits", source.count("\n", 0, found.start()) + 1)
    try:
        tokens = list(islice(_parser.lex(source), MAX_TOKENS + 1))
        if len(tokens) > MAX_TOKENS:
            raise _invalid(name, f"has more than {MAX_TOKENS:,} words and signs in its tags", tokens[-1][0])
        parser = Parser(_parser, source)
        parser.stream = TokenStream(_parser.lexer.wrap(iter(tokens)), None, None)  # these tokens, not the same ones lexed again
        tree = parser.parse()
    except TemplateSyntaxError as error:
        raise _invalid(name, error.message or "syntax error", error.lineno) from None
    except RecursionError:
        raise _invalid(name, "is nested too deeply") from None
    except MemoryError:
        raise _invalid(name, "is too large to be read") from None
    _check_size(tree, name)
    return tree, tokens


def _invalid(name: str, message: str, line: int = 0) -> InvalidInput:
    return InvalidInput((Problem(name, message, line),))


def _check_size(tree: nodes.Template, name: str) -> None:
    level: list[nodes.Node] = [tree]
    count = depth = 0
    while level:
        count += len(level)
        depth += 1
        if count > MAX_NODES:
            raise _invalid(name, f"has more than {MAX_NODES:,} elements", level[0].lineno)
        if depth > MAX_DEPTH:
            raise _invalid(name, f"is nested more than {MAX_DEPTH} deep", level[0].lineno)
        level = [child for node in level for child in node.iter_child_nodes()]


@dataclass(frozen=True)
class Source:
    """One template file, read: its tree, and what its slots and tags look like for reports and reasons."""

    name: str
    tree: nodes.Template
    slots: dict[int, tuple[int, str]]  # line and text by the identity of the slot's node
    blocks: dict[int, str]  # the first tag of a line
    tests: tuple[str, ...] = ()  # the tags `if` and `elif` in the order of the file
    text: str = ""  # as it was read

    @classmethod
    def read(cls, name: str, source: str) -> "Source":
        """Raises InvalidInput."""
        tree, tokens = _parsed(source, name)
        nodes_ = [
            part for output in find_all(tree, nodes.Output) for part in output.nodes if not isinstance(part, nodes.TemplateData)
        ]
        texts = list(_between(tokens, "variable_begin", "variable_end"))
        # Both stand in the order of the file, so they can be matched one by one.
        slots = {id(node): text for node, text in zip(nodes_, texts, strict=True)} if len(nodes_) == len(texts) else {}
        blocks: dict[int, str] = {}
        tags = list(_between(tokens, "block_begin", "block_end"))
        for line, text in tags:
            blocks.setdefault(line, text)
        return cls(name, tree, slots, blocks, tuple(text for _, text in tags if re.match(r"(el)?if\b", text)), source)

    def tokens(self) -> Iterator[tuple[int, int, str, str]]:
        """Line and column (both from 1), kind and text of each token of the file."""
        text, at = "\n".join(re.split("\r\n|\r|\n", self.text)), 0
        for _, token, value in _parser.lex(self.text):
            at = max(text.find(value, at), at)
            yield text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at), token, value
            at += len(value)

    def place(self, line: int) -> str:
        """How reasons name a line of this file."""
        return f"{self.name} line {line}"

    def block(self, line: int) -> str:
        """The tag that stands first in the line."""
        return self.blocks.get(line, "")


def _between(tokens: Iterable[Token], begin: str, end: str) -> Iterator[tuple[int, str]]:
    inside: list[str] | None = None
    start = 0
    for line, token, value in tokens:
        if token == begin:
            inside, start = [], line
        elif token == end and inside is not None:
            yield start, " ".join("".join(inside).split())[:_SOURCE_CHARS]
            inside = None
        elif inside is not None:
            inside.append(value)
