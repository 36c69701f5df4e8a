"""HTML pages of the look: no script, no network, and mails in frames that can do nothing.

Everything from the bundle is escaped; a mail's own HTML stands only in `srcdoc` of a sandboxed frame, under a policy that
lets it load its embedded pictures and nothing else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-src 'none'"
MOST_LINES = 200  # of one table; JSON has all
_CID = re.compile(r"""cid:([^\s"'()<>&]+)""", re.IGNORECASE)
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


def document(title: str, body: str) -> str:
    """A page of its own."""
    return (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name=viewport content="width=device-width,initial-scale=1"><meta name=referrer content=no-referrer>'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
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
    head = "".join(f"<th{c}>{text(h)}</th>" for c, h in zip(numeric, heads, strict=True))
    return f"<div class=box><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"


def text(value: object) -> str:
    """Any value as HTML text."""
    return escape(str(value), quote=True)


def code(source: str) -> str:
    """A piece of a template."""
    return f"<code>{text(source)}</code>"
