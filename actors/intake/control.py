"""The control file -> JobSpec. Follows the dataclasses of `actors.model.spec`, so a field that is added there is known
here.

An unknown key is refused with the nearest name, a naive time belongs to `schedule.timezone`, `48h` is a duration. All
problems are told at once, each with its line. What the values mean for the list and the files is checked where those are
read.
"""

import re
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from actors.intake.controlrules import check_spec
from actors.intake.controltree import Mapping, Scalar, Sequence, Tree, read_tree
from actors.intake.problems import Problems, nearest, refuse
from actors.model.spec import AttachmentSpec, DeliverySpec, JobSpec, ListSpec

CONTROL_FILES = ("job.yaml", "job.yml", "job.json")
WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
MAX_TEXT = 64 << 10  # a header template; bodies are files

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", re.ASCII)
_BAD = object()


def parse_control(file: str, data: bytes) -> JobSpec:
    """The spec of a control file; InvalidInput names all problems with their lines."""
    tree = read_tree(file, data)
    if not isinstance(tree, Mapping):
        raise refuse(file, "must hold keys and values (name:, sender:, content:, ...)", tree.line)
    problems = Problems()
    build = _Builder(file, problems, _zone_of(tree))
    spec = build.dataclass(JobSpec, tree, "")
    if spec is not _BAD:
        check_spec(file, spec, build.lines, problems)
    problems.stop()
    return cast(JobSpec, spec)


def _zone_of(tree: Mapping) -> ZoneInfo:
    """The zone that naive times of this file are in; a wrong name is told by the rules."""
    schedule = tree.items.get("schedule")
    given = schedule.items.get("timezone") if isinstance(schedule, Mapping) else None
    try:
        return ZoneInfo(given.text) if isinstance(given, Scalar) and given.text else ZoneInfo("Asia/Taipei")
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC")


class _Builder:
    """Walks tree and types side by side; a value that cannot be made is `_BAD` and has been told."""

    def __init__(self, file: str, problems: Problems, zone: ZoneInfo):
        self._file, self._problems, self._zone = file, problems, zone
        self.lines: dict[str, int] = {}
        self._private: list[str] = []  # columns whose long form says so

    def _fault(self, message: str, line: int) -> Any:
        self._problems.add(self._file, message, line)
        return _BAD

    def dataclass(self, kind: type, tree: Tree, place: str) -> Any:
        if not isinstance(tree, Mapping):
            if kind is AttachmentSpec and isinstance(tree, Scalar) and tree.text:
                return AttachmentSpec(file=tree.text)
            return self._fault(f"{place}: keys and values are expected here", tree.line)
        hints = get_type_hints(kind)
        known = {f.name.removesuffix("_"): f for f in fields(kind)}
        prefix = f"{place}." if place else ""
        values: dict[str, Any] = {}
        for key, value in tree.items.items():
            line = tree.key_lines.get(key, 0)
            self.lines[f"{prefix}{key}"] = line
            if key not in known:
                self._fault(f"{prefix}{key}: unknown key{nearest(key, known)}", line)
            elif not (isinstance(value, Scalar) and value.text is None):
                values[known[key].name] = self._field(kind, known[key].name, hints[known[key].name], value, f"{prefix}{key}")
        for name, f in known.items():
            if f.default is MISSING and f.default_factory is MISSING and f.name not in values:
                values[f.name] = self._fault(f"{prefix}{name}: is missing", tree.line)
        if kind is ListSpec and self._private and values.get("private") is not _BAD:
            values["private"] = tuple(dict.fromkeys((*values.get("private", ()), *self._private)))
        return _BAD if any(v is _BAD for v in values.values()) else kind(**values)

    def _field(self, owner: type, name: str, hint: Any, tree: Tree, place: str) -> Any:
        if owner is DeliverySpec and name == "retry_for":
            return self._duration(tree, place)
        if owner is ListSpec and name == "columns":
            return self._columns(tree, place)
        return self.value(hint, tree, place)

    def value(self, hint: Any, tree: Tree, place: str) -> Any:
        if is_dataclass(hint):
            return self.dataclass(cast(type, hint), tree, place)
        origin = get_origin(hint)
        if origin is UnionType:
            return self.value(next(a for a in get_args(hint) if a is not type(None)), tree, place)
        if origin is tuple:
            items = tree.items if isinstance(tree, Sequence) else (tree,)
            self.lines |= {f"{place}[{i}]": t.line for i, t in enumerate(items)}
            made = [self.value(get_args(hint)[0], t, f"{place}[{i}]") for i, t in enumerate(items)]
            return _BAD if any(v is _BAD for v in made) else tuple(made)
        if origin is dict:
            return self._dict(get_args(hint)[1], tree, place)
        return self._scalar(hint, tree, place)

    def _dict(self, hint: Any, tree: Tree, place: str) -> Any:
        if not isinstance(tree, Mapping):
            return self._fault(f"{place}: names and values are expected here", tree.line)
        made = {}
        for key, value in tree.items.items():
            self.lines[f"{place}.{key}"] = tree.key_lines.get(key, 0)
            made[key] = self.value(hint, value, f"{place}.{key}")
        return _BAD if any(v is _BAD for v in made.values()) else made

    def _columns(self, tree: Tree, place: str) -> Any:
        """Types by name. The long form `{type: text, private: true}` may stand in place of a type."""
        if not isinstance(tree, Mapping):
            return self._fault(f"{place}: names and types are expected here", tree.line)
        made = {}
        for name, value in tree.items.items():
            inner = f"{place}.{name}"
            self.lines[inner] = tree.key_lines.get(name, 0)
            if not isinstance(value, Mapping):
                made[name] = self._scalar(str, value, inner)
                continue
            for key in value.items.keys() - {"type", "private"}:
                made[name] = self._fault(f"{inner}.{key}: unknown key{nearest(key, ('type', 'private'))}", value.line)
            if "type" in value.items:
                made[name] = self._scalar(str, value.items["type"], f"{inner}.type")
            if "private" in value.items:
                private = self._scalar(bool, value.items["private"], f"{inner}.private")
                self._private += [name] if private is True else []
                made |= {name: _BAD} if private is _BAD else {}
        return _BAD if any(v is _BAD for v in made.values()) else made

    def _scalar(self, kind: type, tree: Tree, place: str) -> Any:
        if not isinstance(tree, Scalar) or tree.text is None:
            return self._fault(f"{place}: one value is expected here", tree.line)
        text = tree.text
        if kind is str:
            return self._text(text, place, tree.line)
        if kind is bool:
            return WORDS[text.lower()] if text.lower() in WORDS else self._fault(f"{place}: must be true or false", tree.line)
        if kind is datetime:
            return self._time(text, place, tree.line)
        if issubclass(kind, StrEnum):
            words = [str(m) for m in kind]
            return kind(text) if text in words else self._fault(f"{place}: must be one of {', '.join(words)}", tree.line)
        return self._number(kind, text, place, tree.line)

    def _text(self, text: str, place: str, line: int) -> Any:
        text = text.removesuffix("\n")  # a YAML block ends with one
        if len(text) > MAX_TEXT:
            return self._fault(f"{place}: has more than {MAX_TEXT} characters", line)
        if any((ord(c) < 32 and c != "\t") or c in "\x7f\x85\u2028\u2029" or 0xD800 <= ord(c) < 0xE000 for c in text):
            return self._fault(f"{place}: holds a line break or another control character", line)
        return text

    def _number(self, kind: type, text: str, place: str, line: int) -> Any:
        pattern = r"[+-]?\d{1,18}" if kind is int else r"[+-]?\d{1,18}(\.\d{1,18})?([eE][+-]?\d{1,2})?"
        if kind is float and (share := re.fullmatch(r"(\d{1,3}(?:\.\d{1,15})?) ?%", text, re.ASCII)):
            return float(share[1]) / 100
        if not re.fullmatch(pattern, text, re.ASCII):
            return self._fault(f"{place}: must be {'a whole number' if kind is int else 'a number'}", line)
        return kind(text)

    def _time(self, text: str, place: str, line: int) -> Any:
        try:
            found = datetime.fromisoformat(text.strip())
            if found.tzinfo is None:
                found = found.replace(tzinfo=self._zone)
            # A fixed offset, so that the snapshot's text form gives the same value back.
            return found.replace(tzinfo=timezone(cast(timedelta, found.utcoffset())))
        except (ValueError, OverflowError):
            return self._fault(f"{place}: must be a time such as 2026-12-01T09:00 or 2026-12-01T09:00+08:00", line)

    def _duration(self, tree: Tree, place: str) -> Any:
        text = tree.text.strip() if isinstance(tree, Scalar) and tree.text else ""
        if not (found := _DURATION.fullmatch(text)):
            return self._fault(f"{place}: must be a duration such as 48h, 90m or 2d", tree.line)
        return float(found[1]) * UNITS[found[2] or "s"]
