"""The report's style sheet: one set of colours for light, one for dark; states have the same colour in every picture."""

_STATES = (
    "delivered",
    "deferred",
    "bounced",
    "suppressed",
    "duplicate",
    "invalid",
    "skipped",
    "render_error",
    "expired",
    "cancelled",
    "in_doubt",
    "pending",
    "transmitting",
)

_LIGHT = {
    "page": "#f6f7f9", "card": "#ffffff", "ink": "#1b2430", "soft": "#5c6876", "line": "#e1e5ea",
    "delivered": "#17866f", "deferred": "#d99a1b", "bounced": "#c8453b", "suppressed": "#7c89a1", "duplicate": "#a3adbd",
    "invalid": "#b0667c", "skipped": "#8f9aa8", "render_error": "#a23bb0", "expired": "#b86b2b", "cancelled": "#6f7a87",
    "in_doubt": "#6a55c9", "pending": "#c3cad3", "transmitting": "#3c87c9",
}  # fmt: skip
_DARK = {
    "page": "#12161b", "card": "#1a2027", "ink": "#e6eaef", "soft": "#97a3b0", "line": "#2b333c",
    "delivered": "#35b597", "deferred": "#e6b44c", "bounced": "#e5736a", "suppressed": "#8d9ab3", "duplicate": "#6f7b8e",
    "invalid": "#cf8aa0", "skipped": "#7f8b99", "render_error": "#c470d0", "expired": "#d68f55", "cancelled": "#8a95a2",
    "in_doubt": "#9a88ea", "pending": "#4a5561", "transmitting": "#62a8e5",
}  # fmt: skip


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


_RULES = "".join(f"svg .{s}{{fill:var(--{s})}}i.{s}{{background:var(--{s})}}" for s in _STATES)

STYLE = f"""
:root{{{_variables(_LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{{_variables(_DARK)}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,"Noto Sans TC","PingFang TC","Microsoft JhengHei",sans-serif}}
main{{max-width:820px;margin:0 auto;padding:32px 20px 48px}}
header h1{{margin:.1em 0;font-size:28px;line-height:1.25;overflow-wrap:anywhere}}
.state{{display:inline-block;margin:0;padding:1px 10px;border-radius:99px;border:1px solid var(--line);
color:var(--soft);font-size:13px}}
.state.done{{color:var(--delivered);border-color:currentColor}}
.state.cancelled,.state.refused,.state.stalled,.state.paused{{color:var(--bounced);border-color:currentColor}}
.when,footer,.none{{color:var(--soft)}}
.reason{{padding:8px 12px;border-left:3px solid var(--deferred);background:var(--card);overflow-wrap:anywhere}}
.cards{{display:grid;grid-template-columns:repeat(auto-fit,minmax(115px,1fr));gap:10px;margin:18px 0}}
.cards div,section{{background:var(--card);border:1px solid var(--line);border-radius:10px}}
.cards div{{padding:12px 14px}}
.cards b{{display:block;font-size:21px;font-variant-numeric:tabular-nums}}
.cards span{{color:var(--soft);font-size:13px}}
.equation{{margin:0 0 18px;padding:10px 14px;border-radius:10px;border:1px solid var(--line);overflow-wrap:anywhere}}
.equation.balanced{{border-color:var(--delivered)}}
.equation.unbalanced{{border-color:var(--bounced)}}
section{{margin:0 0 18px;padding:16px 18px}}
h2{{margin:0 0 10px;font-size:17px}}
h3{{margin:12px 0 4px;font-size:13px;font-weight:600;color:var(--soft)}}
svg{{display:block;width:100%;height:auto}}
svg text{{fill:var(--ink);font-size:12px}}
svg .axis{{fill:var(--soft);font-size:11px}}
svg .value{{fill:var(--soft);font-variant-numeric:tabular-nums}}
svg .field{{font-size:11px;font-variant-numeric:tabular-nums}}
svg .grid{{stroke:var(--line);stroke-width:1}}
.legend span{{margin-right:16px;font-size:13px;color:var(--soft)}}
i[class]{{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}}
table{{width:100%;border-collapse:collapse;font-size:13px}}
th,td{{padding:5px 8px;text-align:left;vertical-align:top;border-top:1px solid var(--line);overflow-wrap:anywhere}}
th{{border-top:0;color:var(--soft);font-weight:600}}
.n{{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}}
footer{{font-size:12px}}
{_RULES}
@media print{{body{{background:#fff}}section{{break-inside:avoid}}}}
"""
