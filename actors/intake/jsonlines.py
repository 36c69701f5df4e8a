"""JSON lines: one object a line. Numbers keep the digits that were written; text stays text whatever it looks like.

Columns are all keys of all lines, in the order of their first appearance. Nested values are refused with their line.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from actors.intake.delimited import MAX_COLUMNS
from actors.intake.encoding import Text
from actors.intake.problems import Problems, refuse
from actors.intake.staged import Staged
from actors.intake.staging import StagedWriter


class _Int(str):
    """A whole number as it was written."""


class _Float(str):
    """Another number as it was written."""


_decode = json.JSONDecoder(parse_int=_Int, parse_float=_Float, parse_constant=_Float).decode


def open_jsonlines(text: Text, file: str, work: Path) -> Staged:
    """Two readings: the keys, then the rows."""
    names = _keys(text, file)
    kinds: dict[str, set[str]] = {name: set() for name in names}
    writer, problems = StagedWriter(work), Problems()
    for line, row in _objects(text, file, problems):
        cells = dict.fromkeys(names, "")
        for key, value in row.items():
            kind, cells[key] = _cell(value)
            if kind == "nested":
                problems.add(file, "lists and objects are not supported as values", line, key)
            elif "\0" in cells[key] or not _encodes(cells[key]):
                problems.add(file, "holds a NUL character or half a character", line, key)
            elif cells[key]:
                kinds[key].add(kind)
        if not len(problems):
            writer.row(line, list(cells.values()))
        if problems.full:
            break
    writer.close(names, [kinds[n] for n in names])
    problems.stop()
    return Staged(work, file, 1)


def _keys(text: Text, file: str) -> list[str]:
    names: dict[str, None] = {}
    problems = Problems()
    for line, row in _objects(text, file, problems):
        if row.keys() - names.keys():
            names.update(dict.fromkeys(row))
            if len(names) > MAX_COLUMNS:
                raise refuse(file, f"has more than {MAX_COLUMNS} different keys", line)
        if problems.full:
            break
    problems.stop()
    return list(names)


def _objects(text: Text, file: str, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) of every line that is not blank."""
    with open(text.path, "rb") as stream:
        stream.seek(text.start)
        for line, data in enumerate(stream, 1):
            if not data.strip():
                continue
            try:
                value = _decode(data.decode().strip())
            except (ValueError, RecursionError):
                problems.add(file, "is no JSON object", line)
                continue
            if isinstance(value, dict):
                yield line, value
            else:
                problems.add(file, "is no JSON object", line)


def _cell(value: Any) -> tuple[str, str]:
    """(kind, text)."""
    if value is None:
        return "", ""
    if isinstance(value, bool):
        return "bool", "true" if value else "false"
    if isinstance(value, _Int):
        return "int", str(value)
    if isinstance(value, _Float):
        return "float", str(value)
    return ("text", value) if isinstance(value, str) else ("nested", "")


def _encodes(text: str) -> bool:
    """No lone surrogate (`\\ud83d` without its half)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
