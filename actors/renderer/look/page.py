"""The report of a look as one HTML page, section by section."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.renderer.look.document import code, document, frame, table, text

_COLOURS = ("#2f6f5e", "#c98b2b", "#6c5b9e", "#b5523b", "#3b7ea1", "#8a8f3c")
_REST = "#c9ced3"


def page(report: Mapping[str, Any]) -> str:
    """The page of a whole report."""
    sums = f"A look at {report['looked_at']:,} rows; {report['mails']:,} mails would leave"
    parts = [
        f"<h1>{text(report['name'])}</h1><p class=sub>{sums}</p>",
        _cards(report),
        _gates(report["gates"]),
        _rules(report["rules"]),
        _errors(report["errors"]),
        _branches(report["branches"]),
        _slots(report["slots"]),
        _defaults(report["defaults"]),
        _sizes(report["sizes"]),
        _addresses(report),
        _samples(report),
    ]
    return document(report["name"], "".join(parts))


def _at(found: Mapping[str, Any]) -> str:
    return f"<span class=at>{text(found['file'])} line {found['line']}</span>"


def _examples(found: Mapping[str, Any]) -> str:
    return f"<span class=soft>{', '.join(map(str, found['examples']))}</span>"


def _cards(report: Mapping[str, Any]) -> str:
    failed = sum(e["rows"] for e in report["errors"])
    bad = sum(r["level"] == "bad" for r in report["rules"])
    cards = [
        (f"{report['rows']:,}", "rows in the list"),
        (f"{report['mails']:,}", "mails would leave"),
        (f"{failed:,}", "rows give no mail"),
        (f"{report['blank_rows']:,}", "mails with an empty slot"),
        (
            f"{report['combinations']['count']:,}{'' if report['combinations']['exact'] else '+'}",
            "different ways through the branches",
        ),
        (f"{bad:,}", "rules broken"),
    ]
    return (
        f"<div class=cards>{''.join(f'<div class=card><b>{n}</b><span>{text(what)}</span></div>' for n, what in cards)}</div>"
    )


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    if not gates:
        return ""
    rows = [
        (
            f"<span class='tag {'good' if g['passed'] else 'bad'}'>{'passed' if g['passed'] else 'stops the job'}</span>",
            code(g["name"]),
            text(g["limit"]),
            text(g["found"]),
        )
        for g in gates
    ]
    return "<h2>Gates</h2>" + table(("", "gate", "threshold", "found"), rows)


def _rules(rules: Sequence[Mapping[str, Any]]) -> str:
    order = {"bad": 0, "warn": 1, "good": 2}
    rows = [
        (
            f"<span class='tag {r['level']}'>{r['level']}</span>",
            text(r["name"]),
            text(r["text"]),
            f"<span class=soft>{text(r['asked_by'])}</span>",
        )
        for r in sorted(rules, key=lambda r: order[r["level"]])
    ]
    return "<h2>Rules of receivers</h2>" + table(("", "rule", "this job", "asked by"), rows)


def _errors(errors: Sequence[Mapping[str, Any]]) -> str:
    if not errors:
        return ""
    rows = [(f"{e['rows']:,}", text(e["state"]), code(e["function"]), text(e["reason"]), _examples(e)) for e in errors]
    return "<h2>Rows without a mail</h2>" + table(("rows", "state", "function", "reason", "such as row"), rows, ("rows",))


def _branches(branches: Sequence[Mapping[str, Any]]) -> str:
    if not branches:
        return ""
    rows = []
    for branch in branches:
        for number, arm in enumerate(branch["arms"]):
            never = "" if arm["rows"] or arm["source"] == "(none)" else " <span class=never>never</span>"
            rows.append(
                (
                    f"{_at(branch)} <span class=soft>{text(branch['part'])}</span>" if not number else "",
                    code(arm["source"]) + never,
                    f"{arm['rows']:,}",
                    _bar(arm["share"], _REST if arm["source"] == "(none)" else _COLOURS[number % len(_COLOURS)]),
                    _examples(arm),
                )
            )
    return "<h2>Branches</h2>" + table(("where", "arm", "rows", "share", "such as row"), rows, ("rows",))


def _bar(share: float, colour: str) -> str:
    width = 180 * min(max(share, 0.0), 1.0)
    return (
        f'<svg width="240" height="18" role="img" aria-label="{share:.1%}">'
        '<rect y="3" width="180" height="12" rx="3" fill="#edf0f2"/>'
        f'<rect y="3" width="{width:.1f}" height="12" rx="3" fill="{colour}"/><text x="188" y="13">{share:.1%}</text></svg>'
    )


def _slots(slots: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for slot in slots:
        about = "" if slot["distinct_exact"] else "about "
        empty = slot["null"]["rows"] + slot["blank"]["rows"]
        rows.append(
            (
                f"{_at(slot)} <span class=soft>{text(slot['part'])}</span>",
                code(slot["source"]) + (" <span class=soft>private</span>" if slot["private"] else ""),
                f"{slot['values']:,}",
                f"<span class=never>{empty:,}</span>" if empty else "0",
                _examples({"examples": sorted({*slot["null"]["examples"], *slot["blank"]["examples"]})[:5]}),
                f"{about}{slot['distinct']:,}",
                _range(slot["numbers"]) if slot["numbers"] else "",
            )
        )
    heads = ("where", "slot", "printed", "empty", "such as row", "different", "lowest to highest number")
    return "<h2>Slots</h2>" + table(heads, rows, ("printed", "empty", "different"))


def _range(numbers: Mapping[str, Any]) -> str:
    """Dots on a line from the lowest to the highest."""
    low, high = numbers["lowest"][0], numbers["highest"][0]
    least, most = float(low["value"]), float(high["value"])
    span = most - least
    dots = ""
    for found in (*numbers["lowest"], *numbers["highest"]):
        at = (float(found["value"]) - least) / span if span else 0.5
        if 0.0 <= at <= 1.0:
            dots += f'<circle cx="{6 + 168 * at:.1f}" cy="8" r="3.5" fill="{_COLOURS[0]}" fill-opacity=".7"/>'
    drawn = f'<svg width="180" height="16"><line x1="6" x2="174" y1="8" y2="8" stroke="#c9ced3" stroke-width="2"/>{dots}</svg>'
    return drawn + " to ".join(f"{text(end['value'])} <span class=soft>(row {end['row']})</span>" for end in (low, high))


def _defaults(defaults: Sequence[Mapping[str, Any]]) -> str:
    if not defaults:
        return ""
    rows = [
        (_at(d), code(d["source"]), code(d["function"]), f"{d['rows']:,}", f"{d['asked']:,}", _examples(d)) for d in defaults
    ]
    heads = ("where", "expression", "function", "default used", "of rows", "such as row")
    return "<h2>Defaults used</h2>" + table(heads, rows, ("default used", "of rows"))


def _sizes(sizes: Mapping[str, Any]) -> str:
    rows = [
        (
            {"mail": "the whole mail", "html": "its HTML"}[name],
            _kb(size["least"]["bytes"]),
            _kb(size["median"]),
            _kb(size["p95"]),
            f"{_kb(size['most']['bytes'])} <span class=soft>(row {size['most']['row']})</span>",
            f"{size['over_102_kb']:,}",
            _histogram(size["bars"]),
        )
        for name, size in sizes.items()
        if size
    ]
    heads = ("size of", "least", "median", "95 %", "most", "over 102 KB", "mails by size")
    return "<h2>Sizes</h2>" + table(heads, rows, heads[1:6])


def _kb(size: int) -> str:
    return f"{size / 1024:,.1f} KB"


def _histogram(bars: Sequence[Mapping[str, Any]]) -> str:
    most = max((bar["rows"] for bar in bars), default=1)
    width = max(4, min(16, 260 // max(1, len(bars))))
    drawn = "".join(
        f'<rect x="{n * width}" y="{46 - 44 * bar["rows"] / most:.1f}" width="{width - 1}" '
        f'height="{44 * bar["rows"] / most:.1f}" fill="{_COLOURS[4]}">'
        f"<title>{_kb(bar['from'])} to {_kb(bar['to'])}: {bar['rows']:,}</title></rect>"
        for n, bar in enumerate(bars)
    )
    return f'<svg width="{max(len(bars) * width, 20)}" height="48" role="img" aria-label="mails by size">{drawn}</svg>'


def _addresses(report: Mapping[str, Any]) -> str:
    links = [
        (
            _mark(x["secure"] and not x["shows"]),
            code(x["url"]),
            f"shows {text(x['shows'])}" if x["shows"] else "",
            _rows(x["rows"]),
        )
        for x in report["links"]
    ]
    pictures = [
        (
            _mark(x["secure"] and x["alt"] is not None),
            code(x["url"][:120]),
            "<span class=never>no alt text</span>"
            if x["alt"] is None
            else text(x["alt"]) or "<span class=soft>decoration</span>",
            _rows(x["rows"]),
        )
        for x in report["pictures"]
    ]
    found = ""
    if links:
        found += "<h2>Links of the mails below</h2>" + table(("", "address", "", "in row"), links)
    if pictures:
        found += "<h2>Pictures of the mails below</h2>" + table(("", "address", "alt text", "in row"), pictures)
    return found


def _mark(good: bool) -> str:
    return "<span class='tag good'>good</span>" if good else "<span class='tag warn'>look</span>"


def _rows(rows: Sequence[int]) -> str:
    return f"<span class=soft>{', '.join(map(str, rows[:5]))}{' ...' if len(rows) > 5 else ''}</span>"


def _samples(report: Mapping[str, Any]) -> str:
    shown = report["combinations"]
    of = f"{shown['count']:,}{'' if shown['exact'] else ' and more'}"
    told = f"One mail for each way through the branches: {shown['shown']:,} of {of}"
    mails = "".join(mail(sample, report["embedded"]) for sample in report["samples"])
    return f"<h2>Mails</h2><p class=sub>{told}, the most frequent first</p><div class=mails>{mails}</div>"


def mail(sample: Mapping[str, Any], embedded: Mapping[str, str]) -> str:
    """One finished mail: what it is like, how it looks, its text part."""
    ways = "".join(f"<li>{code(b['source'])} <b>{text(b['held'])}</b></li>" for b in sample["branches"])
    body = frame(sample["html"], embedded) if sample["html"] else ""
    if sample["html_left_out"]:
        body = "<pre>The HTML is too large to be shown here.</pre>"
    plain = f"<pre>{text(sample['text'])}</pre>"
    if body:
        plain = f"<details><summary>text part</summary>{plain}</details>"
    return (
        f"<div class=mail><header><h3>{text(sample['subject']) or '(no subject)'}</h3><small>like {sample['rows']:,} mails · "
        f"row {sample['row']} · {_kb(sample['bytes'])}</small><ul>{ways}</ul></header>{body}{plain}</div>"
    )
