"""`report.html`: one file that needs no network and no script, in light and dark. Pure: a summary and a series in, text out.

Job names, sites and replies come from outside: everything is escaped, and the page forbids itself scripts and requests.
"""

from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from actors.results import pictures
from actors.results.circuits import closed_lanes
from actors.results.lanes import lanes
from actors.results.style import STYLE

MAX_SITES = 20  # bars in the picture; summary.json has all
_TRACK = ("delivered", "bounced", "expired", "in_doubt", "deferred")
_ENDS = ("delivered", "bounced", "expired", "in_doubt")
_SITE_PARTS = ("delivered", "deferred", "bounced", "expired", "in_doubt", "cancelled")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report(summary: dict[str, Any], series: dict[str, Any], timezone: str) -> str:
    """The whole page."""
    name = escape(summary["name"] or summary["job"])
    parts = (
        _head(summary, name),
        _section("Progress", _progress(series, timezone)),
        _section("Where the rows ended", _states(summary)),
        _section("By site", _sites(summary)),
        _section("By address", lanes(series, timezone) + _closed(series, timezone)) if series.get("lanes") else "",
        _section("What receivers said", _replies(summary)),
        _section("Rows in doubt", _doubts(summary, timezone)) if summary["doubts"] else "",
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{name}</title><style>{STYLE}</style></head><body><main>{''.join(parts)}"
        f"<footer>Job {escape(summary['job'])}, written {escape(summary['times']['written'])} by Hongyan 鴻雁</footer>"
        "</main></body></html>\n"
    )


def _closed(series: dict[str, Any], timezone: str) -> str:
    if "closed" not in series:
        return ""  # reputation could not be asked
    start, end = series["between"]
    picture = closed_lanes(series["closed"], start, end, timezone)
    return f"<h3>Closed lanes</h3><p>Red: closed, nothing was sent. Yellow: half-open, a few mails tried.</p>{picture}"


def _head(summary: dict[str, Any], name: str) -> str:
    rates, times = summary["rates"], summary["times"]
    cards = (
        ("Rows", f"{summary['rows']:,}"),
        ("Delivered", f"{summary['counts']['delivered']:,}"),
        ("of those addressed", f"{rates['delivered_of_addressed']:.2%}"),
        ("Mails a second", pictures.shown(rates["delivered_per_second"])),
        ("Duration", _span(times["seconds"])),
        ("Ever in doubt", f"{summary['doubts']:,}"),
    )
    boxes = "".join(f"<div><b>{escape(value)}</b><span>{escape(label)}</span></div>" for label, value in cards)
    balance = "balanced" if summary["balanced"] else "unbalanced"
    reason = f'<p class="reason"><bdi>{escape(summary["reason"])}</bdi></p>' if summary["reason"] else ""
    when = f"{times['started'] or 'not started'} – {times['ended'] or 'not ended'}"
    return (
        f'<header><p class="state {escape(summary["state"])}">{escape(summary["state"])}</p><h1><bdi>{name}</bdi></h1>'
        f'<p class="when">{escape(when)}</p>{reason}</header><div class="cards">{boxes}</div>'
        f'<p class="equation {balance}"><code>{escape(summary["equation"])}</code></p>'
    )


def _progress(series: dict[str, Any], timezone: str) -> str:
    bins = _filled(series)
    zone = ZoneInfo(timezone)
    width = float(series.get("width", 1))
    pattern = "%H:%M:%S" if width < 60 else "%H:%M" if width * len(bins) < 86_400 else "%m-%d %H:%M"
    labels = [datetime.fromtimestamp(b["at"], zone).strftime(pattern) for b in bins]
    sums: dict[str, list[float]] = {}
    for what in _ENDS:
        total = 0.0
        sums[what] = [total := total + b.get(what, 0) for b in bins]
    ends = [(what, sums[what]) for what in _ENDS if sums[what] and sums[what][-1]]
    tempo = [(what, [b.get(what, 0) / width for b in bins]) for what in _TRACK if any(b.get(what) for b in bins)]
    return (
        "<h3>Settled rows</h3>"
        + pictures.areas("Settled rows over time", labels, ends)
        + "<h3>Attempts a second</h3>"
        + pictures.areas("Attempts a second over time", labels, tempo)
        + pictures.legend([(what, what.replace("_", " ")) for what, _ in tempo])
    )


def _filled(series: dict[str, Any]) -> list[dict[str, float]]:
    """The bins with the empty ones between them."""
    bins, width = series.get("bins", []), series.get("width", 1)
    if not bins:
        return []
    known = {round((b["at"] - bins[0]["at"]) / width): b for b in bins}
    # More bins than a picture has points say nothing: the width was chosen for the job's span.
    last = min(max(known), 2000)
    return [known.get(i) or {"at": bins[0]["at"] + i * width} for i in range(last + 1)]


def _states(summary: dict[str, Any]) -> str:
    values = [(state, state.replace("_", " "), n) for state, n in summary["counts"].items() if n]
    return pictures.bars("Rows by state", values)


def _sites(summary: dict[str, Any]) -> str:
    sites = list(summary["sites"].items())
    if not sites:
        return '<p class="none">No site was tried.</p>'
    values = [(site, [(part, states.get(part, 0)) for part in _SITE_PARTS]) for site, states in sites[:MAX_SITES]]
    used = [part for part in _SITE_PARTS if any(states.get(part) for _, states in sites[:MAX_SITES])]
    more = f'<p class="none">and {len(sites) - MAX_SITES:,} more in summary.json</p>' if len(sites) > MAX_SITES else ""
    return (
        pictures.shares("Share of rows delivered by site", values)
        + pictures.legend([(u, u.replace("_", " ")) for u in used])
        + more
    )


def _replies(summary: dict[str, Any]) -> str:
    if not summary["replies"]:
        return '<p class="none">No receiver refused or deferred a row.</p>'
    rows = "".join(
        f'<tr><td class="n">{r["count"]:,}</td><td><i class="{"deferred" if r["kind"] == "deferred" else "bounced"}"></i>'
        f'{escape(r["kind"])}</td><td class="n">{r["code"]}</td><td>{escape(r["enhanced"])}</td>'
        f"<td><bdi>{escape(r['reply'])}</bdi></td></tr>"
        for r in summary["replies"]
    )
    head = "".join(f"<th>{t}</th>" for t in ("times", "", "code", "", "reply"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _doubts(summary: dict[str, Any], timezone: str) -> str:
    zone = ZoneInfo(timezone)
    rows = "".join(
        f'<tr><td class="n">{d["row"]}</td><td>{escape(d["cause"])}</td><td>{escape(d["egress"])}</td>'
        f'<td>{datetime.fromtimestamp(d["at"], zone):%Y-%m-%d %H:%M:%S}</td><td class="n">{d["attempt"]}</td>'
        f"<td>{escape(d['became'])}</td></tr>"
        for d in summary["doubt_rows"][:100]
    )
    note = "These rows may have been delivered more than once, or not at all; no others."
    head = "".join(f"<th>{t}</th>" for t in ("row", "cause", "egress", "since", "attempt", "became"))
    return f"<p>{note}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>"


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"
