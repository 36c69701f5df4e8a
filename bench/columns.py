"""`python -m bench.columns`: what one row of each kind of slot costs as a column, and the whole template beside Jinja2.

Jinja2 is what rendering row by row takes: its own compiled code, unsandboxed, with the scalar forms of the same functions. Both
must give the same bytes. Pure work on one core: no Ray, no network, no message around the text.
"""

import argparse
import datetime as dt
import json
import random
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from jinja2 import Environment, StrictUndefined

from actors.renderer.functions import REGISTRY
from actors.renderer.template import Context, compile_template
from bench.machine import machine

ROWS = 256  # about what a sender asks for at once
SHARDS = 20  # different ones, so that no value is remembered from the run before
REPEATS, QUICK_REPEATS = 7, 2
SLOTS = (
    "{{ name | mask_name }}",
    "{{ month }}",
    "{{ amount | fmt_currency('TWD') }}",
    "{{ amount * 2 }}",
    "{{ max_of(amount, 1000) | fmt_number }}",
    "{{ points | fmt_number }}",
    "{{ points * 2 + orders }}",
    "{{ iif(vip, '貴賓', '會員') }}",
    "{{ band(points, [1000, 10000, 30000], ['一般', '銅', '銀', '金']) }}",
    "{% if points > 20000 %}<b>VIP {{ name }}</b>{% elif points > 5000 %}好友 {{ name }}{% else %}新朋友{% endif %}",
    "{{ city }}",
    "{{ card | mask_card }}",
    "{{ phone | mask_phone }}",
    "{{ balance | fmt_number('#,##0.00') }}",
    "{{ rate | fmt_percent(1) }}",
    "{{ balance * rate }}",
    "{{ (balance * 0.05) | round_half_up(2) }}",
    "{{ level | upper }}",
    "{{ birthday | fmt_date('yyyy年M月d日') }}",
    "{{ clamp(points, 100, 20000) }}",
    "{{ 'A' if orders >= 10 and vip else 'B' }}",
)
# Jinja2 by itself refuses to combine a decimal with a float, so these are not in the template that both render.
OURS_ALONE = ("{{ amount * 0.015 }}", "{{ 'over' if amount > 0.5 else 'under' }}")
FILLER = '<p style="font-family:sans-serif;color:#333">親愛的顧客您好，這是一段固定的文字。 One line of each.</p>\n' * 3
TYPES = {
    "name": "text",
    "phone": "text",
    "city": "text",
    "level": "text",
    "card": "text",
    "points": "int",
    "orders": "int",
    "month": "int",
    "amount": "decimal",
    "balance": "float",
    "rate": "float",
    "vip": "bool",
    "birthday": "date",
}
CONTEXT = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))


def shard(chance: random.Random) -> pa.Table:
    """Rows like those of a bank's list."""

    def some(value: Callable[[], Any]) -> list[Any]:
        return [value() for _ in range(ROWS)]

    return pa.table(
        {
            "name": some(lambda: chance.choice("王李張陳林黃歐") + "".join(chance.sample("小明志偉淑芬家豪雅婷怡君", 2))),
            "phone": some(lambda: f"09{chance.randrange(10**8):08}"),
            "city": some(lambda: chance.choice(["臺北市", "高雄市", "臺中市", "Tainan & Co"])),
            "level": some(lambda: chance.choice(["gold", "silver", "basic"])),
            "card": some(lambda: f"4{chance.randrange(10**15):015}"),
            "points": some(lambda: chance.randrange(50_000)),
            "orders": some(lambda: chance.randrange(1, 20)),
            "month": [11] * ROWS,
            "amount": pa.array(some(lambda: Decimal(chance.randrange(10**7)).scaleb(-2)), pa.decimal128(12, 2)),
            "balance": some(lambda: round(chance.uniform(0, 99_999), 2)),
            "rate": some(chance.random),
            "vip": some(lambda: chance.random() < 0.3),
            "birthday": some(lambda: dt.date(1950 + chance.randrange(50), 1 + chance.randrange(12), 1 + chance.randrange(28))),
        }
    )


def microseconds_a_row(source: str, shards: Sequence[pa.Table], repeats: int) -> float:
    """The best of several runs over all shards."""
    plan = compile_template(source, name="bench", context=CONTEXT, escape=True)
    rows = np.arange(ROWS)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        failed = sum(len(plan.run(table, rows).failed) for table in shards)
        best = min(best, time.perf_counter() - start)
        if failed:
            raise RuntimeError(f"{source} fails {failed} rows")
    return best / len(shards) / ROWS * 1e6


def jinja2_microseconds_a_row(source: str, table: pa.Table) -> float:
    """Jinja2 on one shard. Raises RuntimeError where its bytes are not the plan's."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    for name, function in REGISTRY.items():
        environment.globals[name] = environment.filters[name] = function.scalar(CONTEXT)
    template, rows = environment.from_string(source), table.to_pylist()
    start = time.perf_counter()
    texts = [template.render(row) for row in rows]
    spent = time.perf_counter() - start
    plan = compile_template(source, name="bench", context=CONTEXT, escape=True)
    columns = plan.run(table, np.arange(ROWS))
    if texts != [columns.text(plan.statics, i) for i in range(ROWS)]:
        raise RuntimeError("columns and Jinja2 give different bytes")
    return spent / ROWS * 1e6


def run(quick: bool) -> dict[str, Any]:
    """All figures, in microseconds a row."""
    repeats = QUICK_REPEATS if quick else REPEATS
    chance = random.Random(7)
    shards = [shard(chance) for _ in range(SHARDS)]
    source = "".join(FILLER + slot + "\n" for slot in SLOTS)
    columns = microseconds_a_row(source, shards, repeats)
    limit = min(jinja2_microseconds_a_row(source, table) for table in shards[:repeats])
    return {
        "bench": "columns",
        "machine": machine(),
        "rows_a_shard": ROWS,
        "slots": {slot: round(microseconds_a_row(slot, shards, repeats), 3) for slot in (*SLOTS, *OURS_ALONE)},
        "whole": {
            "bytes": len(source.encode()),
            "columns": round(columns, 2),
            "jinja2": round(limit, 1),
            "ratio": round(limit / columns, 1),
        },
    }


def main() -> None:
    """Prints the figures for a person, or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.columns", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.quick)
    if given.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for slot, cost in result["slots"].items():
        print(f"{cost:8.2f} us  {slot}")
    whole = result["whole"]
    print(f"{whole['columns']:8.2f} us  all together; Jinja2 {whole['jinja2']:.1f} us, {whole['ratio']:.1f} times as long")


if __name__ == "__main__":
    main()
