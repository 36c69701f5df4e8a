"""A receiver's script from YAML. Refused whole, with all of its problems at once and the place of each.

hostname: mx.sandbox.test
seed: 7
features: {starttls: false, size: 10485760}
rules:
  - {domain: "*.slow.test", delay: 0.5}
  - {recipient: "unknown*", reply: "550 5.1.1 no such user"}
  - {domain: grey.test, greylist: 30s}
  - {domain: flaky.test, at: dot, probability: 0.01, drop: true}
  - {source: 127.0.0.2, connections: 10, messages: 100, without: [pipelining]}
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.policy import RECIPIENT_STAGES, SWITCHES, Features, Rule, Script, Stage

CONDITIONS = ("at", "recipient", "domain", "source", "host", "attempt", "share", "probability")
ACTIONS = ("reply", "greylist", "drop", "keep", "delay", "without", "connections", "messages")
NAMES = {"8bitmime": "eightbitmime"}  # EHLO's own word

_REPLY = re.compile(r"[2345]\d\d(?: [^\r\n\0]{0,400})?")
_ATTEMPT = re.compile(r"(\d+)(?:(\+)|-(\d+))?")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_GREYLISTED = b"450 4.7.1 greylisted, try again later"


class ScriptError(Exception):
    """A script that cannot be used. `problems`: one text each, with its place."""

    def __init__(self, problems: tuple[str, ...]):
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


def load_script(path: str | Path) -> Script:
    """The script in a YAML file."""
    try:
        return parse_script(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ScriptError((f"not YAML: {error}",)) from error
    except UnicodeDecodeError as error:
        raise ScriptError(("not UTF-8",)) from error


def parse_script(data: object) -> Script:
    """The script that these YAML values mean; None is the script without rules."""
    reader = _Reader()
    top = reader.mapping("script", {} if data is None else data, ("hostname", "seed", "features", "rules"))
    features = _features(reader, top.get("features") or {})
    rules_data = top.get("rules") or []
    if not isinstance(rules_data, list):
        reader.problem("rules", "must be a list")
        rules_data = []
    rules = tuple(_rule(reader, f"rules[{i}]", item) for i, item in enumerate(rules_data))
    hostname = reader.take(top, "script", "hostname", _hostname, "mx.sandbox.test")
    seed = reader.take(top, "script", "seed", _whole, 0)
    if reader.problems:
        raise ScriptError(tuple(reader.problems))
    return Script(rules, features, hostname, seed)


class _Reader:
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


def _features(reader: _Reader, data: object) -> Features:
    values = reader.mapping("features", data, (*SWITCHES, *NAMES, "size"))
    wanted: dict[str, Any] = {}
    for key in values:
        read = _whole if key == "size" else _flag
        wanted[NAMES.get(key, key)] = reader.take(values, "features", key, read, 0)
    return Features(**wanted)


def _rule(reader: _Reader, place: str, data: object) -> Rule:
    values = reader.mapping(place, data, CONDITIONS + ACTIONS)

    def take(key: str, read: Callable[[Any], Any], default: Any) -> Any:
        return reader.take(values, place, key, read, default)

    greylist = take("greylist", _seconds, 0.0)
    rule = Rule(
        at=take("at", Stage, Stage.CONNECT if _of_session(values) else Stage.RCPT),
        recipient=take("recipient", _pattern, ""),
        domain=take("domain", _pattern, ""),
        source=take("source", _network, ""),
        host=take("host", _network, ""),
        attempts=take("attempt", _attempts, (0, 0)),
        share=take("share", _portion, 1.0),
        probability=take("probability", _portion, 1.0),
        reply=take("reply", _reply, _GREYLISTED if greylist else b""),
        greylist=greylist,
        drop=take("drop", _flag, False),
        keep=take("keep", _flag, False),
        delay=take("delay", _seconds, 0.0),
        without=take("without", _without, ()),
        connections=take("connections", _positive, 0),
        messages=take("messages", _positive, 0),
    )
    if isinstance(data, Mapping):
        _consistent(reader, place, values, rule)
    return rule


def _of_session(values: dict[str, Any]) -> bool:
    return any(key in values for key in ("without", "connections", "messages"))


def _consistent(reader: _Reader, place: str, values: dict[str, Any], rule: Rule) -> None:
    if not any(key in values for key in ACTIONS):
        reader.problem(place, f"does nothing; one of {', '.join(ACTIONS)} is needed")
    if rule.at not in RECIPIENT_STAGES:
        for key in ("recipient", "domain", "share", "attempt", "greylist"):
            if key in values:
                reader.problem(place, f"no recipient is known at '{rule.at}', so '{key}' cannot be used")
    if _of_session(values):
        for key in values:
            if key not in ("source", "host", "without", "connections", "messages"):
                reader.problem(
                    place, f"'{key}' does not go with without, connections or messages, which hold for a whole connection"
                )
    if rule.drop and rule.reply:
        reader.problem(place, "either reply or drop")
    if rule.keep and not (rule.drop and rule.at is Stage.DOT):
        reader.problem(place, "keep goes with drop at 'dot' only")
    if rule.at is Stage.BODY and rule.reply:
        reader.problem(place, "there is no reply in the middle of a message; use 'data' or 'dot'")
    if rule.reply and rule.reply[:1] == b"3":
        reader.problem(place, "a 3xx reply cannot be scripted")


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text, * and ? stand for anything")
    return value.lower()


def _network(value: object) -> str:
    return str(ipaddress.ip_network(str(value)))


def _attempts(value: object) -> tuple[int, int]:
    found = _ATTEMPT.fullmatch(str(value))
    if not found or isinstance(value, bool) or int(found[1]) < 1:
        raise ValueError("must be a try's number from 1, as 1, 2-4 or 3+")
    first = int(found[1])
    return first, (1 << 31) if found[2] else int(found[3] or first)


def _portion(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be between 0 and 1")
    return float(value)


def _seconds(value: object) -> float:
    found = _SECONDS.fullmatch(str(value))
    if not found or isinstance(value, bool):
        raise ValueError("must be a time, as 0.5, 200ms, 30s, 5m or 1h")
    return float(found[1]) * _UNITS[found[2]]


def _reply(value: object) -> bytes:
    text = str(value)
    if not _REPLY.fullmatch(text):
        raise ValueError("must be a reply of one line, as '550 5.1.1 no such user'")
    return (text if " " in text else f"{text} scripted").encode()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number")
    return value


def _positive(value: object) -> int:
    number = _whole(value)
    if not number:
        raise ValueError("must be 1 or more")
    return number


def _hostname(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", value):
        raise ValueError("must be a host name")
    return value


def _without(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        raise ValueError("must be a list of features")
    found = tuple(NAMES.get(str(n).lower(), str(n).lower()) for n in names)
    for name in found:
        if name not in SWITCHES:
            raise ValueError(f"unknown feature {name!r}; known: {', '.join(SWITCHES)}")
    return found
