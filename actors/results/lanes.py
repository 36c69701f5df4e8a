"""The report's pictures of lanes: which of our addresses got through where, and what each did over time. Pure."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from actors.model.sitenames import spoken
from actors.results.pictures import LABEL, WIDTH, frame, short, shown

MAX_SITES = 12  # rows of the map; summary.json has all
MAX_EGRESSES = 16  # columns of the map and strips; the busiest
_CELL, _STRIP, _GAP = 26, 22, 4
_HEAD = 70  # above the map: the addresses stand aslant there
_ENDS = ("delivered", "bounced", "deferred", "blocked", "expired", "in_doubt")


def lanes(series: dict[str, Any], timezone: str) -> str:
    """Map and strips, as HTML."""
    egresses = _busiest(series["lanes"], "egress", MAX_EGRESSES)
    sites = _busiest(series["lanes"], "site", MAX_SITES)
    note = (
        "The share of attempts that were accepted, by site and sending address; the number of attempts is told in each field."
    )
    strips = "Accepted mails over time by sending address. Red: replies that spoke about the address, none about a recipient."
    return (
        f"<p>{note}</p>{heat_map(series['lanes'], sites, egresses)}"
        f"<h3>Over time</h3><p>{strips}</p>{over_time(series, egresses, timezone)}"
    )


def heat_map(found: Sequence[dict[str, Any]], sites: Sequence[str], egresses: Sequence[str]) -> str:
    """Sites down, addresses across; a field's colour is the share of its attempts that were accepted."""
    wide = min((WIDTH - LABEL) / max(len(egresses), 1), 120.0)
    by_lane = {(lane["site"], lane["egress"]): lane for lane in found}
    shapes = []
    for k, egress in enumerate(egresses):
        turned = f'transform="translate({LABEL + (k + 0.4) * wide:.1f} {_HEAD - 6}) rotate(-30)"'
        shapes.append(f'<text class="axis" {turned}>{escape(short(egress))}</text>')
    for i, site in enumerate(sites):
        y = _HEAD + i * (_CELL + _GAP)
        shapes.append(
            f'<text class="label" x="{LABEL - 10}" y="{y + 17}" text-anchor="end">{escape(short(spoken(site)))}</text>'
        )
        for k, egress in enumerate(egresses):
            lane = by_lane.get((site, egress))
            if lane is not None:
                shapes.append(_field(lane, LABEL + k * wide, y, wide - _GAP))
    return frame("Attempts accepted by site and address", _HEAD + len(sites) * (_CELL + _GAP) + 4, "".join(shapes))


def _field(lane: dict[str, Any], x: float, y: float, wide: float) -> str:
    tried = _tried(lane)
    share = lane.get("delivered", 0) / tried if tried else 0.0
    told = ", ".join(f"{what.replace('_', ' ')} {lane[what]:,}" for what in _ENDS if lane.get(what))
    title = f"{lane['egress']} to {spoken(lane['site'])}: {share:.1%} of {tried:,} accepted ({told})"
    place = f'x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{_CELL}" rx="3"'
    return (
        f'<rect class="bounced" fill-opacity="{0.9 * (1 - share):.3f}" {place}/>'
        f'<rect class="delivered" fill-opacity="{0.9 * share:.3f}" {place}><title>{escape(title)}</title></rect>'
        f'<text class="field" x="{x + wide / 2:.1f}" y="{y + 17}" text-anchor="middle">{shown(tried)}</text>'
    )


def over_time(series: dict[str, Any], egresses: Sequence[str], timezone: str) -> str:
    """A strip an address: the darker, the more mails were accepted in that time; red where the address was refused."""
    points = series.get("egresses", [])
    if not points:
        return '<p class="none">No attempt was made.</p>'
    width, start = float(series["width"]), min(p["at"] for p in points)
    columns = round((max(p["at"] for p in points) - start) / width) + 1
    most = max((p.get("delivered", 0) for p in points), default=0) or 1
    step = (WIDTH - LABEL - 8) / columns
    shapes = []
    for i, egress in enumerate(egresses):
        y = i * (_STRIP + _GAP)
        shapes.append(f'<text class="label" x="{LABEL - 10}" y="{y + 15}" text-anchor="end">{escape(short(egress))}</text>')
        shapes.append(f'<line class="grid" x1="{LABEL}" x2="{WIDTH - 8}" y1="{y + _STRIP}" y2="{y + _STRIP}"/>')
        mine = [p for p in points if p["egress"] == egress]
        shapes += [_moment(p, LABEL + round((p["at"] - start) / width) * step, y, step, most, width) for p in mine]
    zone, bottom = ZoneInfo(timezone), len(egresses) * (_STRIP + _GAP) + 16
    for at, x, anchor in ((start, LABEL, "start"), (start + columns * width, WIDTH - 8, "end")):
        label = datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")
        shapes.append(f'<text class="axis" x="{x}" y="{bottom - 2}" text-anchor="{anchor}">{label}</text>')
    return frame("Accepted mails over time by address", bottom + 4, "".join(shapes))


def _moment(point: dict[str, Any], x: float, y: float, step: float, most: int, width: float) -> str:
    good, blocked = point.get("delivered", 0), point.get("blocked", 0)
    place = f'x="{x:.2f}" y="{y}" width="{max(step, 0.75):.2f}"'
    tall = _STRIP * blocked / (good + blocked) if blocked else 0.0
    title = f"{point['egress']}: {shown(good / width)} accepted a second" + (f", {blocked:,} times blocked" if blocked else "")
    shade = 0.15 + 0.85 * good / most if good else 0.0
    return (
        f'<rect class="delivered" fill-opacity="{shade:.3f}" {place} height="{_STRIP}"><title>{escape(title)}</title></rect>'
        + (f'<rect class="bounced" {place} height="{tall:.1f}"/>' if blocked else "")
    )


def _tried(lane: dict[str, Any]) -> int:
    return sum(lane.get(what, 0) for what in _ENDS)


def _busiest(found: Sequence[dict[str, Any]], what: str, most: int) -> list[str]:
    """The names with the most attempts, in the order of their attempts (sites) or of the alphabet (addresses)."""
    sums: dict[str, int] = {}
    for lane in found:
        sums[lane[what]] = sums.get(lane[what], 0) + _tried(lane)
    names = sorted(sums, key=lambda name: (-sums[name], name))[:most]
    return sorted(names) if what == "egress" else names
