"""A look as one report: a plain object that JSON can hold, whose shape docs/checking.md tells. Terminal and page
are made of it.

Values of the list stand in it only where a mail would show them: numbers, subjects, samples; never in errors.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from email import message_from_bytes, policy
from typing import Any

from actors.renderer.job import CompiledJob
from actors.renderer.look.embedded import embedded_pictures
from actors.renderer.look.gates import gates_of
from actors.renderer.look.gather import HELD, MOST_COMBINATIONS, NOT_HELD, Combination, Look, Place, Subject
from actors.renderer.look.markup import markup_of
from actors.renderer.look.rules import GMAIL_CLIPS_BYTES, rules_of
from actors.renderer.look.sketches import Extremes, Sizes, Tally

MAX_SAMPLES = 24  # finished mails in a report, of the most frequent ways through the branches
MAX_SAMPLE_CHARS = 200_000  # of one sample's HTML or text
MAX_SAMPLES_CHARS = 1_500_000  # of all together: a reply of the API stays small
BARS = 24  # of the picture of sizes
_FUNCTION = re.compile(r"line \d+: (\w+): ")


def sampled(look: Look) -> list[tuple[Combination, int, int]]:
    """The ways through the branches that a mail is shown of: the way, its rows, the row to show."""
    ways = sorted(look.combinations.items(), key=lambda item: (-item[1][0], item[1][1]))
    return [(way, count, row) for way, (count, row) in ways[:MAX_SAMPLES]]


def report(job: CompiledJob, look: Look, samples: Sequence[tuple[Combination, int, Any]], *, signed: bool) -> dict[str, Any]:
    """`samples`: way, rows, and the renderer's preview of one of them."""
    names = {f"cid:{cid}": f"{name} (in the mail)" for _, _, shown in samples for cid, name in _named(shown)}
    markup = markup_of(((shown.row, shown.html) for _, _, shown in samples if shown.html), names)
    manifest = job.snapshot.manifest
    return {
        "name": job.snapshot.spec.name,
        "rows": manifest.rows,
        "counts": dict(manifest.counts),
        "looked_at": look.rows,
        "mails": look.mails,
        "gates": [asdict(gate) for gate in gates_of(job.snapshot.spec.content.gates, look)],
        "rules": [asdict(rule) for rule in rules_of(job, look, markup, signed=signed)],
        "errors": _errors(look),
        "branches": _branches(look),
        "slots": _slots(look),
        "blank_rows": look.blank_rows.count,
        "defaults": _defaults(look),
        "subject": {"shortest": _subject(look, look.shortest), "longest": _subject(look, look.longest)},
        "sizes": {"mail": _sizes(look.sizes), "html": _sizes(look.html_sizes) if _has_html(job) else None},
        "links": [{"url": x.url, "secure": x.secure, "shows": x.shows, "rows": x.rows} for x in markup.links.values()],
        "pictures": [{"url": x.url, "secure": x.secure, "alt": x.alt, "rows": x.rows} for x in markup.pictures.values()],
        "combinations": {
            "count": len(look.combinations),
            "exact": not look.other_combinations,
            "most": MOST_COMBINATIONS,
            "shown": len(samples),
        },
        "samples": _samples(look, samples),
        "embedded": embedded_pictures([shown for _, _, shown in samples]),
    }


def _has_html(job: CompiledJob) -> bool:
    return any(part.subtype == "html" for part in job.texts)


def _tally(tally: Tally) -> dict[str, Any]:
    return {"rows": tally.count, "examples": tally.rows}


def _at(look: Look, place: Place) -> dict[str, Any]:
    point = look.points[place]
    return {"part": place.part, "file": point.file, "line": point.line, "source": point.source}


def _errors(look: Look) -> list[dict[str, Any]]:
    found = [
        {"state": state.label, "function": f[1] if (f := _FUNCTION.search(reason)) else "", "reason": reason, **_tally(tally)}
        for (state, reason), tally in look.failures.items()
    ]
    found.sort(key=lambda error: -error["rows"])
    if look.other_failures:
        more = {"state": "", "function": "", "reason": "further reasons", "rows": look.other_failures, "examples": []}
        found.append(more)
    return found


def _branches(look: Look) -> list[dict[str, Any]]:
    """Each `if` with its arms; the last arm is what is left over."""
    heads: dict[Place, list[Place]] = {}
    for place in look.points:
        if place in look.tests:
            first = look.points[place].of
            heads.setdefault(place if first < 0 else place._replace(ordinal=first), []).append(place)
    return [_branch(look, clauses) for clauses in heads.values()]


def _branch(look: Look, clauses: Sequence[Place]) -> dict[str, Any]:
    arms = []
    for place in clauses:
        point = look.points[place]
        arms.append({"line": point.line, "source": point.source, **_tally(look.tests[place].held)})
    last = look.points[clauses[-1]]
    arms.append({"line": 0, "source": "else" if last.has_else else "(none)", **_tally(look.tests[clauses[-1]].not_held)})
    for arm in arms:
        arm["share"] = arm["rows"] / look.mails if look.mails else 0.0
    return _at(look, clauses[0]) | {"arms": arms}


def _slots(look: Look) -> list[dict[str, Any]]:
    found = []
    for place, slot in look.slots.items():
        hidden = place in look.hidden
        found.append(
            _at(look, place)
            | {
                "values": slot.values,
                "null": _tally(slot.null),
                "blank": _tally(slot.blank),
                "distinct": slot.distinct.count,
                "distinct_exact": slot.distinct.exact,
                "private": hidden,
                "numbers": None if hidden or not slot.numbers.low else _numbers(slot.numbers),
            }
        )
    return found


def _numbers(ends: Extremes) -> dict[str, Any]:
    return {
        "lowest": [{"value": str(value), "row": row} for value, row in ends.low],
        "highest": [{"value": str(value), "row": row} for value, row in reversed(ends.high)],
    }


def _defaults(look: Look) -> list[dict[str, Any]]:
    return [
        _at(look, place)
        | {"function": look.points[place].word.split(" ", maxsplit=1)[0], "asked": default.asked, **_tally(default.used)}
        for place, default in look.defaults.items()
    ]


def _subject(look: Look, found: Subject | None) -> dict[str, Any] | None:
    if found is None:
        return None
    private = any(place.part == "subject" for place in look.hidden)
    return {"chars": found.chars, "row": found.row, "text": "" if private else found.text}


def _sizes(sizes: Sizes) -> dict[str, Any] | None:
    if not sizes.count:
        return None
    return {
        "least": {"bytes": sizes.least[0], "row": sizes.least[1]},
        "median": sizes.quantile(0.5),
        "p95": sizes.quantile(0.95),
        "most": {"bytes": sizes.most[0], "row": sizes.most[1]},
        "over_102_kb": sizes.above(GMAIL_CLIPS_BYTES),
        "bars": [{"from": low, "to": high, "rows": rows} for low, high, rows in sizes.bars(BARS)],
    }


def _samples(look: Look, samples: Sequence[tuple[Combination, int, Any]]) -> list[dict[str, Any]]:
    found = []
    left = MAX_SAMPLES_CHARS
    for way, count, shown in samples:
        fits = len(shown.html) <= min(MAX_SAMPLE_CHARS, left)
        found.append(_sample(look, way, count, shown, fits=fits))
        left -= len(found[-1]["html"]) + len(found[-1]["text"])
    return found


def _sample(look: Look, way: Combination, count: int, shown: Any, *, fits: bool) -> dict[str, Any]:
    return {
        "rows": count,
        "row": shown.row,
        "branches": [_way(look, place, code) for place, code in way],
        "subject": shown.subject,
        "text": shown.text[: MAX_SAMPLE_CHARS if fits else MAX_SAMPLE_CHARS // 100],
        "html": shown.html if fits else "",
        "html_left_out": not fits,
        "bytes": len(shown.message),
    }


def _way(look: Look, place: Place, code: int) -> dict[str, Any]:
    point = look.points[place]
    held = {HELD: "yes", NOT_HELD: "no"}.get(code, "both")
    return {"part": place.part, "file": point.file, "line": point.line, "source": point.source, "held": held}


def _named(shown: Any) -> Iterator[tuple[str, str]]:
    """Content ids and file names of a mail's own pictures."""
    for part in message_from_bytes(shown.message, policy=policy.default).walk():
        if part["Content-ID"]:
            yield str(part["Content-ID"]).strip("<> "), part.get_filename() or ""
