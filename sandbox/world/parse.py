"""A world from YAML. Refused whole, with all of its problems at once and the place of each.

seed: 7
sites:
  - name: big
    domains: [big.test, "*.hosted.test"]
    hosts: [127.0.1.1, 127.0.1.2]
    texts: gmail
    limits:
      - {per: source, rate: 10/s, burst: 50}
      - {per: site, connections: 100}
    recipients: {unknown: 0.02, full: 0.005}
    blocks:
      - {source: 127.0.0.2, from: 20m, until: 40m}
      - {refusals: 200, over: 1m, for: 30m}

All keys are in docs/world.md.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sandbox import reading
from sandbox.reading import Reader, ScriptError, load_yaml, read_features
from sandbox.world import spec
from sandbox.world import values as read
from sandbox.world.recipients import KINDS
from sandbox.world.spec import SiteSpec, WorldSpec

Take = Callable[[str, Callable[[Any], Any], Any], Any]

PERIOD = ("from", "until", "every")
HOWS = ("refuse", "busy", "tarpit")


def load_world(path: str | Path) -> WorldSpec:
    """The world in a YAML file. ScriptError, OSError."""
    return parse_world(load_yaml(path))


def parse_world(data: object) -> WorldSpec:
    """The world that these YAML values mean. ScriptError."""
    reader = Reader()
    top = reader.mapping("world", {} if data is None else data, ("name", "seed", "port", "hostname", "sites"))
    found = list(_each(reader, "sites", top.get("sites") or []))
    if not found:
        reader.problem("sites", "there is none")
    world = WorldSpec(
        sites=tuple(_site(reader, place, item) for place, item in found),
        name=reader.take(top, "world", "name", read.name, "world"),
        seed=reader.take(top, "world", "seed", reading.whole, 0),
        port=reader.take(top, "world", "port", read.port, 2525),
        hostname=reader.take(top, "world", "hostname", reading.hostname, "mx.sandbox.test"),
    )
    _unique(reader, world)
    if reader.problems:
        raise ScriptError(tuple(reader.problems))
    return world


SITE_KEYS = (
    "name", "domains", "hosts", "texts", "connect", "service", "messages", "trouble", "drops", "tls", "features",
    "limits", "recipients", "greylist", "standing", "warmup", "blocks", "outages", "content",
)  # fmt: skip


def _site(reader: Reader, place: str, data: object) -> SiteSpec:
    values = reader.mapping(place, data, SITE_KEYS)
    for key in ("name", "domains", "hosts"):
        if key not in values:
            reader.problem(place, f"'{key}' is needed")

    def take(key: str, of: Callable[[Any], Any], default: Any) -> Any:
        return reader.take(values, place, key, of, default)

    def several(key: str, part: Callable[[Reader, str, Any], Any]) -> tuple[Any, ...]:
        return tuple(part(reader, where, item) for where, item in _each(reader, f"{place}.{key}", values.get(key) or []))

    def one(key: str, part: Callable[[Reader, str, Any], Any]) -> Any:
        return part(reader, f"{place}.{key}", values[key]) if key in values else None

    return SiteSpec(
        name=take("name", read.name, place),
        domains=take("domains", read.domains, ()),
        hosts=take("hosts", read.hosts, ()),
        texts=take("texts", read.family, "postfix"),
        connect=take("connect", reading.seconds, 0.15),
        service=take("service", reading.seconds, 0.1),
        messages=take("messages", reading.positive, 0),
        trouble=take("trouble", reading.portion, 0.0),
        drops=take("drops", reading.portion, 0.0),
        tls=take("tls", reading.flag, True),
        features=read_features(reader, f"{place}.features", values.get("features") or {}),
        limits=several("limits", _limit),
        recipients=_recipients(reader, f"{place}.recipients", values.get("recipients") or {}),
        greylist=one("greylist", _greylist),
        standing=one("standing", _standing),
        warmups=several("warmup", _warmup),
        blocks=several("blocks", _block),
        outages=several("outages", _outage),
        contents=several("content", _content),
    )


def _values(reader: Reader, place: str, data: object, keys: tuple[str, ...]) -> tuple[dict[str, Any], Take]:
    values = reader.mapping(place, data, keys)
    return values, lambda key, of, default: reader.take(values, place, key, of, default)


def _limit(reader: Reader, place: str, data: object) -> spec.Limit:
    what = ("rate", "connections", "connects", "volume")
    values, take = _values(reader, place, data, ("per", "source", "burst", "attempts", *what))
    if not any(key in values for key in what):
        reader.problem(place, f"limits nothing; one of {', '.join(what)} is needed")
    if "burst" in values and not ("rate" in values or "connects" in values):
        reader.problem(place, "burst goes with rate or connects")
    per = take("per", read.one_of("source", "site"), "source")
    if per == "site" and "source" in values:
        reader.problem(place, "a limit of the whole site is for all sources")
    return spec.Limit(
        per=per,
        source=take("source", reading.network, ""),
        rate=take("rate", read.rate, 0.0),
        burst=take("burst", reading.positive, 0),
        connections=take("connections", reading.positive, 0),
        connects=take("connects", read.rate, 0.0),
        volume=take("volume", reading.positive, 0),
        attempts=take("attempts", reading.flag, False),
    )


def _recipients(reader: Reader, place: str, data: object) -> tuple[tuple[str, float], ...]:
    values, take = _values(reader, place, data, KINDS)
    shares = tuple((kind, take(kind, reading.portion, 0.0)) for kind in values)
    if sum(share for _, share in shares) > 1:
        reader.problem(place, "the shares are more than 1 together")
    return shares


def _greylist(reader: Reader, place: str, data: object) -> spec.Greylist:
    _, take = _values(reader, place, data, ("after", "keep", "network", "trust", "domains"))
    return spec.Greylist(
        after=take("after", reading.seconds, 300.0),
        keep=take("keep", reading.seconds, 4 * 3600.0),
        network=take("network", reading.flag, False),
        trust=take("trust", reading.positive, 0),
        domains=take("domains", read.domains, ()),
    )


def _standing(reader: Reader, place: str, data: object) -> spec.Standing:
    values, take = _values(reader, place, data, ("rate", "burst", "start", "good", "unknown", "recover", "floor"))
    if "rate" not in values:
        reader.problem(place, "'rate' is needed")
    return spec.Standing(
        rate=take("rate", read.rate, 1.0),
        burst=take("burst", reading.positive, 0),
        start=take("start", reading.portion, 0.5),
        good=take("good", reading.portion, 0.0005),
        unknown=take("unknown", reading.portion, 0.01),
        recover=take("recover", reading.portion, 0.0),
        floor=take("floor", reading.portion, 0.05),
    )


def _warmup(reader: Reader, place: str, data: object) -> spec.Warmup:
    values, take = _values(reader, place, data, ("source", "first", "growth", "most"))
    for key in ("source", "first"):
        if key not in values:
            reader.problem(place, f"'{key}' is needed")
    return spec.Warmup(
        source=take("source", reading.network, ""),
        first=take("first", reading.positive, 1),
        growth=take("growth", read.growth, 2.0),
        most=take("most", reading.positive, 1_000_000),
    )


def _block(reader: Reader, place: str, data: object) -> spec.Block:
    causes = ("above", "refusals", "unknown")
    values, take = _values(reader, place, data, ("source", "over", "for", "at", "text", *causes, *PERIOD))
    calendar = any(key in values for key in PERIOD)
    caused = [key for key in causes if key in values]
    if calendar == bool(caused) or len(caused) > 1:
        reader.problem(place, f"either a time (from, until) or one cause of {', '.join(causes)} is needed")
    if calendar and ("over" in values or "for" in values):
        reader.problem(place, "over and for go with a cause")
    return spec.Block(
        source=take("source", reading.network, ""),
        period=_period(reader, place, values) if calendar else None,
        above=take("above", read.rate, 0.0),
        refusals=take("refusals", reading.positive, 0),
        unknown=take("unknown", reading.portion, 0.0),
        over=take("over", read.span, 60.0),
        lasts=take("for", reading.seconds, 1800.0),
        at=take("at", read.one_of("connect", "mail"), "connect"),
        text=take("text", read.rule_name, "blocked"),
    )


def _outage(reader: Reader, place: str, data: object) -> spec.Outage:
    values, take = _values(reader, place, data, ("how", "delay", *PERIOD))
    how = take("how", read.one_of(*HOWS), "refuse")
    if "delay" in values and how != "tarpit":
        reader.problem(place, "delay goes with how: tarpit")
    return spec.Outage(_period(reader, place, values), how, take("delay", reading.seconds, 60.0))


def _period(reader: Reader, place: str, values: dict[str, Any]) -> spec.Period:
    start = reader.take(values, place, "from", reading.seconds, 0.0)
    until = reader.take(values, place, "until", reading.seconds, float("inf"))
    every = reader.take(values, place, "every", reading.seconds, 0.0)
    if until <= start:
        reader.problem(f"{place}.until", "must be later than from")
    if every and until - start >= every:
        reader.problem(f"{place}.every", "must be longer than the time from 'from' to 'until'")
    return spec.Period(start, until, every)


def _content(reader: Reader, place: str, data: object) -> spec.Content:
    values, take = _values(reader, place, data, ("contains", "share", "text"))
    if ("contains" in values) == ("share" in values):
        reader.problem(place, "either contains or share is needed")
    return spec.Content(
        take("contains", read.word, ""), take("share", reading.portion, 0.0), take("text", read.rule_name, "content")
    )


def _unique(reader: Reader, world: WorldSpec) -> None:
    for what, names in (
        ("name", [s.name for s in world.sites]),
        ("host", [h for s in world.sites for h in s.hosts]),
        ("domain", [d for s in world.sites for d in s.domains]),
    ):
        for name in dict.fromkeys(n for n in names if names.count(n) > 1):
            reader.problem("sites", f"the {what} {name!r} is there twice")


def _each(reader: Reader, place: str, data: object) -> Iterator[tuple[str, Any]]:
    if not isinstance(data, list):
        reader.problem(place, "must be a list")
        return
    yield from ((f"{place}[{i}]", item) for i, item in enumerate(data))
