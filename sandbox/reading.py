"""Values of the sandbox's YAML files, read with all problems collected and the place of each.

A reader function takes a YAML value and gives what it means, or raises ValueError with what it must be.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.policy import SWITCHES, Features

NAMES = {"8bitmime": "eightbitmime"}  # EHLO's own word

_REPLY = re.compile(r"[2345]\d\d(?: [^\r\n\0]{0,400})?")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, None: 1.0}


class ScriptError(Exception):
    """A script that cannot be used. `problems`: one text each, with its place."""

    def __init__(self, problems: tuple[str, ...]):
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


def load_yaml(path: str | Path) -> object:
    """The values in a YAML file. ScriptError when it is none, OSError."""
    try:
        found: object = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ScriptError((f"not YAML: {error}",)) from error
    except UnicodeDecodeError as error:
        raise ScriptError(("not UTF-8",)) from error
    return found


class Reader:
    """Collects problems while values are read."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, place: str, text: str) -> None:
        self.problems.append(f"{place}: {text}")

    def mapping(self, place: str, data: object, known: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            self.problem(place, "must be a mapping")
            return {}
        for key in data:
            if key not in known:
                self.problem(place, f"unknown key {key!r}; known: {', '.join(known)}")
        return {str(k): v for k, v in data.items() if k in known}

    def take(self, data: dict[str, Any], place: str, key: str, read: Callable[[Any], Any], default: Any) -> Any:
        if key not in data:
            return default
        try:
            return read(data[key])
        except (ValueError, TypeError) as error:
            self.problem(f"{place}.{key}", str(error))
            return default


def read_features(reader: Reader, place: str, data: object) -> Features:
    """What EHLO offers."""
    values = reader.mapping(place, data, (*SWITCHES, *NAMES, "size"))
    wanted: dict[str, Any] = {}
    for key in values:
        read = whole if key == "size" else flag
        wanted[NAMES.get(key, key)] = reader.take(values, place, key, read, 0)
    return Features(**wanted)


def pattern(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text, * and ? stand for anything")
    return value.lower()


def network(value: object) -> str:
    return str(ipaddress.ip_network(str(value)))


def portion(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be between 0 and 1")
    return float(value)


def seconds(value: object) -> float:
    found = _SECONDS.fullmatch(str(value))
    if not found or isinstance(value, bool):
        raise ValueError("must be a time, as 0.5, 200ms, 30s, 5m or 1h")
    return float(found[1]) * UNITS[found[2]]


def reply(value: object) -> bytes:
    text = str(value)
    if not _REPLY.fullmatch(text):
        raise ValueError("must be a reply of one line, as '550 5.1.1 no such user'")
    return (text if " " in text else f"{text} scripted").encode()


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number")
    return value


def positive(value: object) -> int:
    number = whole(value)
    if not number:
        raise ValueError("must be 1 or more")
    return number


def hostname(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", value):
        raise ValueError("must be a host name")
    return value


def without(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        raise ValueError("must be a list of features")
    found = tuple(NAMES.get(str(n).lower(), str(n).lower()) for n in names)
    for name in found:
        if name not in SWITCHES:
            raise ValueError(f"unknown feature {name!r}; known: {', '.join(SWITCHES)}")
    return found
