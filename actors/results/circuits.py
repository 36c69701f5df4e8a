"""The report's picture of closed lanes: which were closed or half-open when, the longest closed first. Pure."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from actors.model.lanes import ClosedSpan
from actors.model.sitenames import spoken
from actors.results.pictures import LABEL, WIDTH, frame, short

MOST_LANES = 16
_STRIP, _GAP = 18, 4
_COLOURS = {"closed": "bounced", "half-open": "deferred"}
_CAUSES = {"block": "our address was refused", "busy": "the site had too much", "dead": "no connection"}


def told(spans: Sequence[ClosedSpan], lanes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The spans of the job's own lanes, as data for the series."""
    mine = {(lane["site"], lane["egress"]) for lane in lanes}
    return [span._asdict() for span in spans if (span.site, span.egress) in mine]


def closed_lanes(spans: Sequence[dict[str, Any]], start: float, end: float, timezone: str) -> str:
    """A strip a lane, as HTML; a sentence where none was closed."""
    if not spans:
        return '<p class="none">No lane was closed.</p>'
    end = max(end, start + 1.0)
    seconds: dict[tuple[str, str], float] = {}
    for span in spans:
        key = (span["site"], span["egress"])
        seconds[key] = seconds.get(key, 0.0) + (span["until"] - span["since"]) * (span["state"] == "closed")
    order = sorted(seconds, key=lambda key: (-seconds[key], key))[:MOST_LANES]
    scale = (WIDTH - LABEL - 8) / (end - start)
    shapes = []
    for i, (site, egress) in enumerate(order):
        y = i * (_STRIP + _GAP)
        name = escape(short(f"{egress} {spoken(site)}"))
        shapes.append(f'<text class="label" x="{LABEL - 10}" y="{y + 13}" text-anchor="end">{name}</text>')
        shapes.append(f'<line class="grid" x1="{LABEL}" x2="{WIDTH - 8}" y1="{y + _STRIP}" y2="{y + _STRIP}"/>')
        mine = [span for span in spans if (span["site"], span["egress"]) == (site, egress)]
        shapes += [_strip(span, y, start, scale) for span in mine]
    zone, bottom = ZoneInfo(timezone), len(order) * (_STRIP + _GAP) + 16
    for at, x, anchor in ((start, LABEL, "start"), (end, WIDTH - 8, "end")):
        label = datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")
        shapes.append(f'<text class="axis" x="{x}" y="{bottom - 2}" text-anchor="{anchor}">{label}</text>')
    return frame("When lanes were closed", bottom + 4, "".join(shapes))


def _strip(span: dict[str, Any], y: int, start: float, scale: float) -> str:
    x, wide = LABEL + (span["since"] - start) * scale, max((span["until"] - span["since"]) * scale, 0.75)
    cause = _CAUSES.get(span["why"], span["why"])
    title = f"{span['state']} for {span['until'] - span['since']:,.0f} s" + (f": {cause}" if cause else "")
    return (
        f'<rect class="{_COLOURS.get(span["state"], "deferred")}" x="{x:.2f}" y="{y}" width="{wide:.2f}" height="{_STRIP}">'
        f"<title>{escape(title)}</title></rect>"
    )
