"""The report as one HTML page: no script, no network, and mails in frames that can do nothing.

Everything from the bundle is escaped; a mail's own HTML stands only in `srcdoc` of a sandboxed frame, under a policy that
lets it load its embedded pictures and nothing else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-src 'none'"
MOST_LINES = 200  # of one table; JSON has all
_CID = re.compile(r"""cid:([^\s"'()<>&]+)""", re.IGNORECASE)
_COLOURS = ("#2f6f5e", "#c98b2b", "#6c5b9e", "#b5523b", "#3b7ea1", "#8a8f3c")
_REST = "#c9ced3"
_STYLE = """

:root{color-scheme:light;--ink:#1d2429;--soft:#66727c;--line:#e3e7ea;--paper:#fff;--wash:#f5f7f8;--good:#2f6f5e;
--warn:#a66a00;--bad:#b03a2e}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);
font:15px/1.5 system-ui,"Noto Sans TC","PingFang TC","Microsoft JhengHei",sans-serif}
main{max-width:1240px;margin:0 auto;padding:28px 24px 60px}h1{font-size:26px;margin:0 0 2px}
h2{font-size:18px;margin:34px 0 10px}p.sub{color:var(--soft);margin:0 0 18px}
.cards{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}
.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:12px 16px}
.card b{display:block;font-size:24px;font-variant-numeric:tabular-nums}.card span{color:var(--soft);font-size:13px}
.box{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:6px 16px 10px;overflow-x:auto}
table{border-collapse:collapse;width:100%}
th{font-size:12px;text-align:left;color:var(--soft);font-weight:600;padding:8px 12px 6px 0;white-space:nowrap}
td{padding:6px 12px 6px 0;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:13px ui-monospace,Menlo,Consolas,monospace}.at{color:var(--soft);font-size:13px;white-space:nowrap}
.tag{display:inline-block;white-space:nowrap;border-radius:99px;padding:0 9px;font-size:12px;font-weight:600;color:#fff}
.good{background:var(--good)}.warn{background:var(--warn)}.bad{background:var(--bad)}
.never{color:var(--bad);font-weight:600}.soft{color:var(--soft)}
.mails{display:grid;gap:16px;grid-template-columns:repeat(auto-fill,minmax(360px,1fr))}
.mail{background:var(--paper);border:1px solid var(--line);border-radius:10px;overflow:hidden;display:flex;
flex-direction:column}
.mail header{padding:12px 16px;border-bottom:1px solidvar(--line)}
.mail h3{margin:0 0 4px;font-size:15px;overflow-wrap:anywhere}.mail small{color:var(--soft)}
.mail ul{margin:6px 0 0;padding:0;list-style:none;font-size:13px}.mail li{overflow-wrap:anywhere}
iframe{width:100%;height:520px;border:0;background:#fff}
pre{margin:0;padding:12px 16px;white-space:pre-wrap;overflow-wrap:anywhere;
font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;max-height:520px;overflow:auto}
details summary{cursor:pointer;padding:8px 16px;color:var(--soft);font-size:13px;border-top:1px solid var(--line)}
svg{display:block}svg text{font:11px system-ui,sans-serif;fill:#66727c}
.headers td:first-child{white-space:nowrap;color:var(--soft)}
"""


def page(report: Mapping[str, Any]) -> str:
    """The page of a whole report."""
    sums = f"A look at {report['looked_at']:,} rows; {report['mails']:,} mails would leave"
    parts = [
        f"<h1>{_t(report['name'])}</h1><p class=sub>{sums}</p>",
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


def document(title: str, body: str) -> str:
    """A page of its own."""
    return (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name=viewport content="width=device-width,initial-scale=1"><meta name=referrer content=no-referrer>'
        f"<title>{_t(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def frame(html: str, embedded: Mapping[str, str]) -> str:
    """A mail's HTML in a frame without rights; its own pictures are put in, others are not loaded."""
    shown = _CID.sub(lambda found: embedded.get(found[1], "data:,"), html)
    guarded = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><base target="_blank">{shown}'
    return f'<iframe sandbox="" loading="lazy" referrerpolicy="no-referrer" srcdoc="{escape(guarded, quote=True)}"></iframe>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Cells are HTML already."""
    numeric = [" class=n" if head in right else "" for head in heads]
    lines, more = list(rows), ""
    if len(lines) > MOST_LINES:
        more = f"<p class=soft>and {len(lines) - MOST_LINES:,} more lines; the JSON report has all</p>"
    body = "".join(
        f"<tr>{''.join(f'<td{c}>{cell}</td>' for c, cell in zip(numeric, row, strict=True))}</tr>" for row in lines[:MOST_LINES]
    )
    head = "".join(f"<th{c}>{_t(h)}</th>" for c, h in zip(numeric, heads, strict=True))
    return f"<div class=box><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"


def _t(text: object) -> str:
    return escape(str(text), quote=True)


def _at(found: Mapping[str, Any]) -> str:
    return f"<span class=at>{_t(found['file'])} line {found['line']}</span>"


def _code(text: str) -> str:
    return f"<code>{_t(text)}</code>"


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
    return f"<div class=cards>{''.join(f'<div class=card><b>{n}</b><span>{_t(what)}</span></div>' for n, what in cards)}</div>"


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    if not gates:
        return ""
    rows = [
        (
            f"<span class='tag {'good' if g['passed'] else 'bad'}'>{'passed' if g['passed'] else 'stops the job'}</span>",
            _code(g["name"]),
            _t(g["limit"]),
            _t(g["found"]),
        )
        for g in gates
    ]
    return "<h2>Gates</h2>" + table(("", "gate", "threshold", "found"), rows)


def _rules(rules: Sequence[Mapping[str, Any]]) -> str:
    order = {"bad": 0, "warn": 1, "good": 2}
    rows = [
        (
            f"<span class='tag {r['level']}'>{r['level']}</span>",
            _t(r["name"]),
            _t(r["text"]),
            f"<span class=soft>{_t(r['asked_by'])}</span>",
        )
        for r in sorted(rules, key=lambda r: order[r["level"]])
    ]
    return "<h2>Rules of receivers</h2>" + table(("", "rule", "this job", "asked by"), rows)


def _errors(errors: Sequence[Mapping[str, Any]]) -> str:
    if not errors:
        return ""
    rows = [(f"{e['rows']:,}", _t(e["state"]), _code(e["function"]), _t(e["reason"]), _examples(e)) for e in errors]
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
                    f"{_at(branch)} <span class=soft>{_t(branch['part'])}</span>" if not number else "",
                    _code(arm["source"]) + never,
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
                f"{_at(slot)} <span class=soft>{_t(slot['part'])}</span>",
                _code(slot["source"]) + (" <span class=soft>private</span>" if slot["private"] else ""),
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
    return drawn + " to ".join(f"{_t(end['value'])} <span class=soft>(row {end['row']})</span>" for end in (low, high))


def _defaults(defaults: Sequence[Mapping[str, Any]]) -> str:
    if not defaults:
        return ""
    rows = [
        (_at(d), _code(d["source"]), _code(d["function"]), f"{d['rows']:,}", f"{d['asked']:,}", _examples(d)) for d in defaults
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
            _code(x["url"]),
            f"shows {_t(x['shows'])}" if x["shows"] else "",
            _rows(x["rows"]),
        )
        for x in report["links"]
    ]
    pictures = [
        (
            _mark(x["secure"] and x["alt"] is not None),
            _code(x["url"][:120]),
            "<span class=never>no alt text</span>"
            if x["alt"] is None
            else _t(x["alt"]) or "<span class=soft>decoration</span>",
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
    text = f"One mail for each way through the branches: {shown['shown']:,} of {of}"
    mails = "".join(mail(sample, report["embedded"]) for sample in report["samples"])
    return f"<h2>Mails</h2><p class=sub>{text}, the most frequent first</p><div class=mails>{mails}</div>"


def mail(sample: Mapping[str, Any], embedded: Mapping[str, str]) -> str:
    """One finished mail: what it is like, how it looks, its text part."""
    ways = "".join(f"<li>{_code(b['source'])} <b>{_t(b['held'])}</b></li>" for b in sample["branches"])
    body = frame(sample["html"], embedded) if sample["html"] else ""
    if sample["html_left_out"]:
        body = "<pre>The HTML is too large to be shown here.</pre>"
    text = f"<pre>{_t(sample['text'])}</pre>"
    if body:
        text = f"<details><summary>text part</summary>{text}</details>"
    return (
        f"<div class=mail><header><h3>{_t(sample['subject']) or '(no subject)'}</h3><small>like {sample['rows']:,} mails · row "
        f"{sample['row']} · {_kb(sample['bytes'])}</small><ul>{ways}</ul></header>{body}{text}</div>"
    )
