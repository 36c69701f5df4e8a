"""The bundle that the pipeline bench sends: realistic list, 20 expressions, a body filled up to the wanted size.

Deterministic: the same arguments give the same bytes.
"""

import quopri
import random
from pathlib import Path

JOB = """\
name: pipeline bench {size}
sender: {{from: "鴻雁銀行 <service@bank.test>", reply_to: care@bank.test}}
content:
  subject: "{{{{ name | mask_name }}}} 您好, {{{{ points | fmt_number }}}} points"
  preheader: "Your balance: {{{{ amount | fmt_currency('TWD') }}}}"
  html: body.html
  text: body.txt
  unsubscribe: "https://bank.test/unsubscribe?u={{{{ id }}}}"
list: {{file: list.csv, email: email}}
"""

OTHER_BYTES = 2_700  # headers, signature, text part and the expressions' own stretch of a finished mail

# With the three in subject and preheader: 20 expressions, two branches.
EXPRESSIONS = """\
<p>{{ salutation_text }} {{ name | mask_name }}, card {{ card | mask_card }}</p>
<p>Phone {{ phone | mask_phone }}</p>
<p>{{ points | fmt_number }} points, after bonus {{ (points * 2 + 100) | fmt_number }}</p>
<p>Rank {{ band(points, [1000, 5000], ['A', 'B', 'C']) }}</p>
<p>Amount {{ amount | fmt_currency('TWD') }}, fee {{ (amount * 0.015) | round_half_up(2) }}</p>
<p>Limit {{ max_of(amount, 1000) | fmt_number }}</p>
<p>{{ iif(points > 5000, 'Gold', 'Silver') }} {{ clamp(points, 0, 9999) }} {{ percent_of(points, 10000, 1) }}%</p>
{% if points > 2000 %}<p>Thank you, {{ name }}: {{ points // 100 }} coupons</p>
{% else %}<p>{{ 2000 - points }} to go</p>{% endif %}
<p>{{ id }} {{ city | upper }} {{ mask_email(email) }} {{ coalesce(nickname, name) }} {{ if_blank(nickname, 'friend') }}</p>
"""


def make_bundle(folder: Path, rows: int, size: int, seed: int = 7) -> None:
    """Writes job.yaml, list.csv and body.html; the finished mail has about `size` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.yaml").write_text(JOB.format(size=size), encoding="utf-8")
    body = EXPRESSIONS.replace("{{ salutation_text }}", "親愛的")
    filler = (
        '<tr><td style="padding:8px 16px;font:14px/1.6 sans-serif;color:#333">Every month a new offer, 每月優惠 {n}</td></tr>\n'
    )
    encoded = len(quopri.encodestring(filler.format(n=100).encode())) + 4  # its share of soft line breaks
    table = "".join(filler.format(n=n) for n in range(max(0, size - OTHER_BYTES) // encoded))
    html = f"<!DOCTYPE html><html><body>\n{body}<table>\n{table}</table>\n</body></html>\n"
    (folder / "body.html").write_text(html, encoding="utf-8")
    (folder / "body.txt").write_text("{{ name }}, your statement is ready.\n", encoding="utf-8")
    _write_list(folder / "list.csv", rows, random.Random(seed))


def _write_list(file: Path, rows: int, chance: random.Random) -> None:
    domains = ["gmail.test"] * 35 + ["yahoo.test"] * 20 + ["hinet.test"] * 15 + ["outlook.test"] * 10
    domains += [f"company{n}.test" for n in range(20)]
    names = ["王小明", "陳美麗", "林志豪", "歐陽娜娜", "John Smith", "Mary Ann Jones", "張三", "司馬相如"]
    with file.open("w", encoding="utf-8") as out:
        out.write("id,email,name,nickname,points,amount,card,phone,city\n")
        for n in range(rows):
            out.write(
                f"{n:08d},user{n}@{chance.choice(domains)},{chance.choice(names)},{'nick' if n % 3 else ''},"
                f"{chance.randrange(20_000)},{chance.randrange(10_000_000) / 100:.2f},"
                f"4{chance.randrange(10**15):015d},09{chance.randrange(10**8):08d},Taipei\n"
            )
