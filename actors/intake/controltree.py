"""Control file text -> a tree of maps, lists and scalars that know their lines. YAML and JSON end as the same tree.

Scalars stay text: what `0912`, `no` or `12:00` mean is decided by the field that takes them, not by YAML's guesses.
Bounded in size, depth and node count; anchors and aliases are refused, so nothing can multiply.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import yaml

from actors.intake.problems import Problems, refuse

MAX_CONTROL_BYTES = 1 << 20  # a control file is a page of text
MAX_DEPTH = 20  # the deepest JobSpec has 4 levels
MAX_NODES = 20_000

NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str | None  # None: null
    line: int = 0


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple["Tree", ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Mapping:
    items: dict[str, "Tree"]
    line: int = 0
    key_lines: dict[str, int] = field(default_factory=dict)


Tree = Scalar | Sequence | Mapping


def read_tree(file: str, data: bytes) -> Tree:
    """The tree of a `.json` or `.yaml` file; InvalidInput when it cannot be read."""
    if len(data) > MAX_CONTROL_BYTES:
        raise refuse(file, f"has {len(data)} bytes; the limit is {MAX_CONTROL_BYTES}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(file, "is not UTF-8", data[: error.start].count(b"\n") + 1) from error
    return _read_json(file, text) if file.endswith(".json") else _read_yaml(file, text)


def _read_yaml(file: str, text: str) -> Tree:
    problems = Problems()
    try:
        _bound_events(file, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise refuse(file, f"is not valid YAML: {error.problem or error.context}", mark.line + 1 if mark else 0) from error
    except yaml.YAMLError as error:
        raise refuse(file, "is not valid YAML: it holds a character that YAML does not allow") from error
    if node is None:
        raise refuse(file, "is empty")
    tree = _from_node(file, node, problems)
    problems.stop()
    return tree


def _bound_events(file: str, text: str) -> None:
    """The event stream has no recursion and no expansion, so it is safe to count on."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise refuse(file, "anchors and aliases (& and *) are not supported; quote the value if it is text", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise refuse(file, "is nested too deeply or has too many entries", line)


def _from_node(file: str, node: yaml.Node, problems: Problems) -> Tree:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        plain = node.style is None
        return Scalar(None if plain and node.value in NULLS else str(node.value), line)
    if isinstance(node, yaml.SequenceNode):
        return Sequence(tuple(_from_node(file, n, problems) for n in node.value), line)
    items: dict[str, Tree] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        at = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            problems.add(file, "a key must be a word", at)
        elif key.value in items:
            problems.add(file, f"the key {key.value!r} is there twice", at)
        else:
            items[str(key.value)] = _from_node(file, value, problems)
            lines[str(key.value)] = at
    return Mapping(items, line, lines)


def _read_json(file: str, text: str) -> Tree:
    problems = Problems()

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in found:
            if key in values:
                problems.add(file, f"the key {key!r} is there twice")
            values[key] = value
        return values

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    except json.JSONDecodeError as error:
        raise refuse(file, f"is not valid JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise refuse(file, "is nested too deeply") from error
    problems.stop()
    return _from_json(file, value, 0)


class _Number(str):
    """A JSON number as it was written."""


def _from_json(file: str, value: Any, depth: int) -> Tree:
    if depth > MAX_DEPTH:
        raise refuse(file, "is nested too deeply")
    if isinstance(value, dict):
        return Mapping({k: _from_json(file, v, depth + 1) for k, v in value.items()})
    if isinstance(value, list):
        return Sequence(tuple(_from_json(file, v, depth + 1) for v in value))
    if isinstance(value, bool):
        return Scalar("true" if value else "false")
    return Scalar(None if value is None else str(value))
