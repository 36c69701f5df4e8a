"""The bundle of the rendering bench: a statement with functions in every line, a newsletter that is mostly fixed, a subject.

Templates are the same text for both sides but for the two settings that Hongyan's date functions take. Deterministic.
"""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.people import TYPES, people

LINES = 5  # of each row's table
SUBJECT = "{{ name | mask_name }} 您的帳單 {{ amount | fmt_currency }}"
_ITEMS = ("信用卡消費", "Online shopping", "保費", "悠遊卡加值", "電信費", "Books & music", "交通", "餐飲")
_STYLE = (
    "padding:8px 16px;font:14px/1.6 'Noto Sans TC',Helvetica,Arial,sans-serif;color:#333333;border-bottom:1px solid #eeeeee"
)
_FIXED = (
    f'<tr><td style="{_STYLE}">Terms apply. 優惠以官網公告為準 {{n}}</td><td align="right" style="{_STYLE}">more</td></tr>\n'
)

# 30 calls of 21 functions, 2 branches, a table of five lines.
HEAVY = """\
<p>{{ name | mask_name }} {{ coalesce(nickname, name) }} {{ nickname | if_blank('朋友') }}</p>
<p>{{ mask_email(email) }} {{ phone | mask_phone }} {{ card | mask_card }} {{ account | mask_account }}</p>
<p>{{ id_no | mask_id_tw }} {{ birthday | mask_birthday }} {{ city }}</p>
<p>本期應繳 {{ amount | fmt_currency }}，最低 {{ (amount * 2) | fmt_currency }}，{{ max_of(points, 1000) | fmt_currency }}</p>
<p>繳款期限 {{ due | fmt_date }}（{{ due | roc_date }}），還有 {{ days_until(due) }} 天，下次 {{ due | fmt_date }}</p>
<p>{{ points | fmt_number }} points, {{ (points * 2 + 100) | fmt_number }} with bonus, {{ orders | fmt_number }} orders</p>
<p>餘額 {{ balance | fmt_number }}，{{ round_half_up(balance, 1) }}，利率 {{ rate | fmt_percent(1) }}</p>
<p>{{ iif(vip, '貴賓', '會員') }} {{ band(points, [1000, 10000, 30000], ['一般', '銅', '銀', '金']) }}
{{ switch(level, 'gold', '金卡', 'silver', '銀卡', '普卡') }} {{ clamp(points, 100, 20000) | fmt_number }}
{{ percent_of(points, 50000, 1) }}% {{ clamp(orders, 2, 9) }} {{ iif(orders > 9, '常客', '新客') }}</p>
{% if points > 20000 %}<p>VIP {{ name | mask_name }}，謝謝您</p>
{% elif vip %}<p>貴賓 {{ id }}</p>
{% else %}<p>{{ id }}</p>
{% endif %}
{% if orders >= 10 %}<p><a href="{{ link }}">{{ orders | fmt_number }} orders</a></p>{% endif %}
<table>
{% for line in lookup_rows('lines', id) %}\
<tr><td>{{ line.item }}</td><td>{{ line.count | fmt_number }}</td><td>{{ line.price | fmt_currency }}</td></tr>
{% endfor %}\
</table>
"""
NEWSLETTER = """\
<p>Dear {{ name | mask_name }}, 您好</p>
<p>{{ points | fmt_number }} points, {{ amount | fmt_currency }}, {{ city }}</p>
<p>{{ due | fmt_date }} {{ band(points, [1000, 10000, 30000], ['一般', '銅', '銀', '金']) }}</p>
<p><a href="{{ link }}">{{ id }}</a></p>
"""
SIZE = 10_000  # bytes of a page


def page(body: str, size: int = SIZE) -> str:
    """A whole page of about that many bytes around the body."""
    start = f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>帳單</title></head>\n<body>\n{body}<table>\n'
    fill = max(0, size - len(start.encode())) // len(_FIXED.encode())
    return start + "".join(_FIXED.format(n=n) for n in range(fill)) + "</table>\n</body></html>\n"


def ours(template: str) -> str:
    """The template as Hongyan takes it: its fmt_date names the pattern."""
    return template.replace("fmt_date", "fmt_date('yyyy年M月d日')")


def write_bundle(folder: Path, body: str, rows: int) -> pa.Table:
    """The bundle, its list and its table of lines; gives the list."""
    (folder / "tables").mkdir(parents=True)
    listed = people(rows)
    pq.write_table(listed, folder / "list.parquet")
    pq.write_table(lines(listed.column("id").to_pylist()), folder / "tables" / "lines.parquet")
    (folder / "body.html").write_text(ours(page(body)), encoding="utf-8")
    columns = ", ".join(f"{name}: {kind}" for name, kind in TYPES.items())
    (folder / "job.yaml").write_text(
        "name: rendering bench\n"
        'sender: {from: "鴻雁銀行 <service@bank.test>"}\n'
        f'content: {{subject: "{SUBJECT}", html: body.html, as_of: 2026-11-23T00:00:00}}\n'
        f"list: {{file: list.parquet, email: email, columns: {{{columns}}}}}\n"
        "tables: {lines: {key: id}}\n",
        encoding="utf-8",
    )
    return listed


def lines(ids: list[str]) -> pa.Table:
    """LINES rows for each id."""
    chance = random.Random(11)
    columns: dict[str, list[Any]] = {"id": [], "item": [], "count": [], "price": []}
    for key in ids:
        for _ in range(LINES):
            columns["id"].append(key)
            columns["item"].append(chance.choice(_ITEMS))
            columns["count"].append(chance.randrange(1, 2000))
            columns["price"].append(Decimal(chance.randrange(100, 10**7)).scaleb(-2))
    return pa.table({k: pa.array(v, pa.decimal128(12, 2) if k == "price" else None) for k, v in columns.items()})
