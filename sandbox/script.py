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

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandbox import reading
from sandbox.policy import RECIPIENT_STAGES, Rule, Script, Stage
from sandbox.reading import Reader, ScriptError, load_yaml, read_features

CONDITIONS = ("at", "recipient", "domain", "source", "host", "attempt", "share", "probability")
ACTIONS = ("reply", "greylist", "drop", "keep", "delay", "without", "connections", "messages")

_ATTEMPT = re.compile(r"(\d+)(?:(\+)|-(\d+))?")
_GREYLISTED = b"450 4.7.1 greylisted, try again later"


def load_script(path: str | Path) -> Script:
    """The script in a YAML file."""
    return parse_script(load_yaml(path))


def parse_script(data: object) -> Script:
    """The script that these YAML values mean; None is the script without rules."""
    reader = Reader()
    top = reader.mapping("script", {} if data is None else data, ("hostname", "seed", "features", "rules"))
    features = read_features(reader, "features", top.get("features") or {})
    rules_data = top.get("rules") or []
    if not isinstance(rules_data, list):
        reader.problem("rules", "must be a list")
        rules_data = []
    rules = tuple(_rule(reader, f"rules[{i}]", item) for i, item in enumerate(rules_data))
    hostname = reader.take(top, "script", "hostname", reading.hostname, "mx.sandbox.test")
    seed = reader.take(top, "script", "seed", reading.whole, 0)
    if reader.problems:
        raise ScriptError(tuple(reader.problems))
    return Script(rules, features, hostname, seed)


def _rule(reader: Reader, place: str, data: object) -> Rule:
    values = reader.mapping(place, data, CONDITIONS + ACTIONS)

    def take(key: str, read: Callable[[Any], Any], default: Any) -> Any:
        return reader.take(values, place, key, read, default)

    greylist = take("greylist", reading.seconds, 0.0)
    rule = Rule(
        at=take("at", Stage, Stage.CONNECT if _of_session(values) else Stage.RCPT),
        recipient=take("recipient", reading.pattern, ""),
        domain=take("domain", reading.pattern, ""),
        source=take("source", reading.network, ""),
        host=take("host", reading.network, ""),
        attempts=take("attempt", _attempts, (0, 0)),
        share=take("share", reading.portion, 1.0),
        probability=take("probability", reading.portion, 1.0),
        reply=take("reply", reading.reply, _GREYLISTED if greylist else b""),
        greylist=greylist,
        drop=take("drop", reading.flag, False),
        keep=take("keep", reading.flag, False),
        delay=take("delay", reading.seconds, 0.0),
        without=take("without", reading.without, ()),
        connections=take("connections", reading.positive, 0),
        messages=take("messages", reading.positive, 0),
    )
    if isinstance(data, Mapping):
        _consistent(reader, place, values, rule)
    return rule


def _of_session(values: dict[str, Any]) -> bool:
    return any(key in values for key in ("without", "connections", "messages"))


def _consistent(reader: Reader, place: str, values: dict[str, Any], rule: Rule) -> None:
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


def _attempts(value: object) -> tuple[int, int]:
    found = _ATTEMPT.fullmatch(str(value))
    if not found or isinstance(value, bool) or int(found[1]) < 1:
        raise ValueError("must be a try's number from 1, as 1, 2-4 or 3+")
    first = int(found[1])
    return first, (1 << 31) if found[2] else int(found[3] or first)
