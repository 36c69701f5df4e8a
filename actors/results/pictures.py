"""SVG pictures made by hand: areas over time, bars, stacked bars. Pure text functions; colours come from the page's style
sheet.

Every text that comes from outside is escaped here. A picture has a title for screen readers and needs no script.
"""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 26
_BAR, _GAP = 20, 10
LABEL = 190  # left of horizontal bars


def shown(value: float) -> str:
    """A number as people read it: 12,345 or 3.4."""
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:,.1f}"


def areas(title: str, times: Sequence[str], layers: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Stacked areas. `times`: a label a point; `layers`: (css class, values), the first at the bottom."""
    points = len(times)
    if points < 1:
        return '<p class="none">No row was tried.</p>'
    top = _ceiling(max((sum(layer[1][i] for layer in layers) for i in range(points)), default=0))
    step = (WIDTH - _LEFT - _RIGHT) / max(points - 1, 1)

    def x(i: int) -> str:
        return f"{_LEFT + i * step:.1f}" if points > 1 else f"{_LEFT + i * (WIDTH - _LEFT - _RIGHT):.1f}"

    def y(value: float) -> str:
        return f"{_TOP + (1 - value / top) * (HEIGHT - _TOP - _BOTTOM):.1f}"

    spots = range(points) if points > 1 else (0, 0)
    places = [x(i) for i in range(points)] if points > 1 else [x(0), x(1)]
    base = [0.0] * len(places)
    shapes = []
    for css, values in layers:
        upper = [base[k] + values[i] for k, i in enumerate(spots)]
        forth = " ".join(f"{p},{y(v)}" for p, v in zip(places, upper, strict=True))
        back = " ".join(f"{p},{y(v)}" for p, v in zip(reversed(places), reversed(base), strict=True))
        shapes.append(f'<polygon class="{escape(css)}" points="{forth} {back}"><title>{escape(css)}</title></polygon>')
        base = upper
    return frame(title, HEIGHT, _grid(top, y) + "".join(shapes) + _times(times, x))


def bars(title: str, values: Sequence[tuple[str, str, int]]) -> str:
    """Horizontal bars: (css class, label, value)."""
    most = max((v for _, _, v in values), default=0) or 1
    room = WIDTH - LABEL - 90
    shapes = []
    for i, (css, label, value) in enumerate(values):
        y = i * (_BAR + _GAP) + 4
        wide = max(value / most * room, 1.5 if value else 0)
        shapes.append(
            f'<text class="label" x="{LABEL - 10}" y="{y + 15}" text-anchor="end">{escape(short(label))}</text>'
            f'<rect class="{escape(css)}" x="{LABEL}" y="{y}" width="{wide:.1f}" height="{_BAR}" rx="3">'
            f"<title>{escape(label)}: {value:,}</title></rect>"
            f'<text class="value" x="{LABEL + wide + 8:.1f}" y="{y + 15}">{value:,}</text>'
        )
    return frame(title, len(values) * (_BAR + _GAP) + 6, "".join(shapes))


def shares(title: str, values: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> str:
    """Stacked bars of full width: (label, [(css class, value)]); the first part's share is told beside it."""
    room = WIDTH - LABEL - 150
    shapes = []
    for i, (label, parts) in enumerate(values):
        y, at, total = i * (_BAR + _GAP) + 4, float(LABEL), sum(v for _, v in parts) or 1
        shapes.append(f'<text class="label" x="{LABEL - 10}" y="{y + 15}" text-anchor="end">{escape(short(label))}</text>')
        for css, value in parts:
            wide = value / total * room
            shapes.append(
                f'<rect class="{escape(css)}" x="{at:.1f}" y="{y}" width="{wide:.1f}" height="{_BAR}">'
                f"<title>{escape(label)}, {escape(css)}: {value:,}</title></rect>"
            )
            at += wide
        first = parts[0][1] if parts else 0
        shapes.append(f'<text class="value" x="{LABEL + room + 8}" y="{y + 15}">{first / total:.1%} of {total:,}</text>')
    return frame(title, len(values) * (_BAR + _GAP) + 6, "".join(shapes))


def legend(values: Sequence[tuple[str, str]]) -> str:
    """(css class, label) as a line of HTML."""
    return '<p class="legend">' + "".join(f'<span><i class="{escape(c)}"></i>{escape(t)}</span>' for c, t in values) + "</p>"


def frame(title: str, height: float, inside: str) -> str:
    """A picture of full width; `inside` is SVG."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{inside}</svg>"
    )


def _grid(top: float, y: "object") -> str:
    lines = []
    for k in range(5):
        value = top * k / 4
        at = y(value)  # type: ignore[operator]
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>'
            f'<text class="axis" x="{_LEFT - 8}" y="{float(at) + 4:.1f}" text-anchor="end">{shown(value)}</text>'
        )
    return "".join(lines)


def _times(times: Sequence[str], x: "object") -> str:
    """First, last and up to three labels between."""
    last = len(times) - 1
    marks = sorted({0, last} | ({last // 4, last // 2, 3 * last // 4} if last >= 8 else set()))
    labels = []
    for i in marks:
        anchor = "start" if i == 0 else "end" if i == last else "middle"
        at = x(i)  # type: ignore[operator]
        labels.append(f'<text class="axis" x="{at}" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(times[i])}</text>')
    return "".join(labels)


def _ceiling(value: float) -> float:
    """The next round number: 1, 2, 4, 5 or 8 times a power of ten, so that quarters are round too."""
    if value <= 4:
        return 4.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * m for m in (1, 2, 4, 5, 8, 10) if power * m >= value)


def short(text: str) -> str:
    """A label that fits beside a picture."""
    return text if len(text) <= 25 else text[:12] + "…" + text[-12:]
