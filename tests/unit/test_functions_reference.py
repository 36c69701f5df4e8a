"""Each function against an independent, naive reference over columns of random values; for formats that is Babel."""

import datetime as dt
import math
import random
import re
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

from actors.renderer.template import Context, compile_template

TYPES = {"i": "int", "j": "int", "f": "float", "g": "float", "m": "decimal", "t": "text", "d": "date", "ts": "timestamp"}
ZONE = dt.timezone(dt.timedelta(hours=8))


def column(source: str, locale: str = "zh-TW", **values: list[Any]) -> list[str | None]:
    context = Context(types=TYPES, as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC), locale=locale)
    kinds = {
        "i": pa.int64(),
        "j": pa.int64(),
        "f": pa.float64(),
        "g": pa.float64(),
        "m": pa.decimal128(30, 4),
        "t": pa.string(),
    }
    kinds |= {"d": pa.date32(), "ts": pa.timestamp("us", "UTC")}
    table = pa.table({name: pa.array(v, kinds[name]) for name, v in values.items()})
    plan = compile_template(f"{{{{ {source} }}}}", name="t", context=context, escape=False)
    columns = plan.run(table, np.arange(len(table)))
    return [None if i in columns.failed else columns.text(plan.statics, i) for i in range(len(table))]


def same(source: str, reference: Callable[..., Any], locale: str = "zh-TW", **values: list[Any]) -> None:
    """The column's texts are the reference's; an exception of the reference is a failed row."""
    got = column(source, locale, **values)
    for text, row in zip(got, zip(*values.values(), strict=True), strict=True):
        try:
            expected = reference(*row)
        except Exception:
            assert text is None, (source, row, text)
            continue
        assert text == ("" if expected is None else str(expected)), (source, row)


RANDOM = random.Random(20261123)
INTS = [
    None,
    0,
    1,
    -1,
    5,
    -5,
    99,
    10**6,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    *(RANDOM.randrange(-(10**5), 10**5) for _ in range(60)),
]
SMALL = [None, 0, 1, -1, 2, 3, -3, 7, 10, -10, 100, *(RANDOM.randrange(-50, 50) for _ in range(60))]
FLOATS = [None, 0.0, -0.0, 0.5, 1.5, 2.5, -2.5, 2.675, 1.005, 0.285, 1e15 + 0.5, 1e-9, 1e22, -1e17, 12345.675, 0.1 + 0.2]
FLOATS += [round(RANDOM.uniform(-1e5, 1e5), RANDOM.randrange(6)) for _ in range(300)] + [
    RANDOM.randrange(2000) / 8 for _ in range(50)
]
DECIMALS = [None, *map(Decimal, ["0", "0.00", "-0.01", "2.5", "-2.5", "1234567.8950", "0.0050", "99999999999999999999.9950"])]
DECIMALS += [Decimal(RANDOM.randrange(-(10**9), 10**9)).scaleb(-4) for _ in range(60)]
PAIRS = [(a, b) for a in INTS[:14] for b in SMALL[:14]]


def rounded(x: Any, n: int, mode: str) -> Any:
    if x is None:
        return None
    with localcontext(prec=100):
        value = (Decimal(str(x)) * Decimal(10) ** n).to_integral_value(mode) / Decimal(10) ** n
        if isinstance(x, Decimal):
            value = value.quantize(Decimal(10) ** -n)
            return value or abs(value)
    result = type(x)(value)
    if isinstance(x, int) and not -(2**63) <= result < 2**63:
        raise OverflowError
    return result or abs(result)


@pytest.mark.parametrize(
    ("name", "mode"), [("round_half_up", ROUND_HALF_UP), ("round_half_even", ROUND_HALF_EVEN), ("trunc", ROUND_DOWN)]
)
@pytest.mark.parametrize("n", [0, 1, 2, 3, -2])
def test_rounding(name: str, mode: str, n: int) -> None:
    same(f"{name}(f, {n})", lambda x: rounded(x, n, mode), f=FLOATS)
    same(f"{name}(i, {n})", lambda x: rounded(x, n, mode), i=INTS)
    if n >= 0:
        same(f"{name}(m, {n})", lambda x: rounded(x, n, mode), m=DECIMALS)


@pytest.mark.parametrize(("name", "mode"), [("ceil", ROUND_CEILING), ("floor", ROUND_FLOOR)])
@pytest.mark.parametrize("step", ["1", "7", "100", "0.5", "0.1"])
def test_ceil_and_floor(name: str, mode: str, step: str) -> None:
    def reference(x: Any) -> Any:
        if x is None:
            return None
        times = Fraction(str(x)) / Fraction(step)
        whole = math.ceil(times) if mode == ROUND_CEILING else math.floor(times)
        result = whole * Fraction(step)
        if "." in step:
            return float(result)
        if not -(2**63) <= result < 2**63:
            raise OverflowError
        return int(result)

    same(f"{name}(f, {step})", reference, f=FLOATS)
    same(f"{name}(i, {step})", reference, i=INTS)


def test_arithmetic_of_several_values() -> None:
    a, b = [p[0] for p in PAIRS], [p[1] for p in PAIRS]

    def limited(value: Any) -> Any:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise OverflowError
        return value

    def known(*values: Any) -> list[Any]:
        return [v for v in values if v is not None]

    both = {"i": a, "j": b}
    same("mod(i, j)", lambda x, y: None if x is None or y is None or y == 0 else x - y * math.floor(Fraction(x, y)), **both)
    same("min_of(i, j)", lambda x, y: min(known(x, y), default=None), **both)
    same("max_of(i, j, 3)", lambda x, y: max(known(x, y, 3)), **both)
    same("sum_of(i, j)", lambda x, y: limited(sum(known(x, y))) if known(x, y) else None, **both)
    same("avg_of(i, j)", lambda x, y: limited(sum(known(x, y))) / len(known(x, y)) if known(x, y) else None, **both)
    same("clamp(i, j, 5)", lambda x, y: None if x is None or y is None else y if x < y else 5 if x > 5 else x, **both)
    same("safe_div(i, j)", lambda x, y: None if x is None or not y else x / y, **both)
    same("sign(i)", lambda x: None if x is None else 0 if x == 0 else int(math.copysign(1, x)), i=INTS)
    same("between(i, j, 10)", lambda x, y: None if x is None or y is None else y <= x <= 10, **both)
    same("null_if(i, j)", lambda x, y: None if x == y else x, **both)
    same("coalesce(i, j, 'none')", lambda x, y: next((v for v in (x, y) if v is not None), "none"), **both)
    same("iif(j, i, 'no')", lambda x, y: x if y else "no", **both)
    same("ifs(j, 'j', i, 'i')", lambda x, y: "j" if y else "i" if x else None, **both)
    same("switch(j, 1, 'one', 2, 'two')", lambda x, y: {1: "one", 2: "two"}.get(y), **both)
    same("in_list(j, 1, [2, 3])", lambda x, y: None if y is None else y in (1, 2, 3), **both)


def test_shares() -> None:
    def share(part: Fraction, total: Fraction, n: int) -> Any:
        if total == 0:
            return None
        exact = 100 * part / total
        scaled = abs(exact) * 10**n
        whole = math.floor(scaled + Fraction(1, 2)) * (1 if exact >= 0 else -1)
        return int(Fraction(whole, 10**n)) if n <= 0 else float(Fraction(whole, 10**n)) if whole else 0.0

    pairs = [(a, b) for a in SMALL for b in SMALL[:20]]
    a, b = [p[0] for p in pairs], [p[1] for p in pairs]
    for n in (0, 1, 3):
        got = column(f"percent_of(i, j, {n})", i=a, j=b)
        change = column(f"pct_change(i, j, {n})", i=a, j=b)
        for x, y, text, moved in zip(a, b, got, change, strict=True):
            if x is None or y is None:
                assert (text, moved) == ("", "")
                continue
            assert float(text or "nan") == pytest.approx(share(Fraction(x), Fraction(y), n)) if y else text == ""
            assert float(moved or "nan") == pytest.approx(share(Fraction(y - x), Fraction(x), n)) if x else moved == ""
    assert column("percent_of(f, 3, 2)", f=[1.0]) == ["33.33"]
    assert column("percent_of(m, 8)", m=[Decimal("1.0000")]) == ["13"]


def test_powers_and_roots() -> None:
    floats = [x for x in FLOATS if x is None or abs(x) < 1e6]
    same("sqrt(f)", lambda x: None if x is None or x < 0 else math.sqrt(x), f=floats)
    same("log10(f)", lambda x: None if x is None or x <= 0 else math.log10(x), f=floats)
    assert column("power(i, j)", i=[2, 2, 10, -2, 0, 3, 2], j=[10, 63, 18, 63, -1, -1, 62]) == [
        "1024",
        None,
        str(10**18),
        str(-(2**63)),
        None,
        str(1 / 3),
        str(2**62),
    ]


def test_bands_and_tiers() -> None:
    edges, rates = [100, 200, 500], ["0.05", "0.1", "0.15", "0.2"]

    def label(x: Any) -> Any:
        return None if x is None else "abcd"[sum(x >= edge for edge in edges)]

    def tiers(x: Any) -> Any:
        if x is None:
            return None
        due, value = Fraction(0), Fraction(str(x))
        for low, high, rate in zip([0, *edges], [*edges, 10**30], rates, strict=True):
            due += max(Fraction(0), min(value, high) - low) * Fraction(rate)
        return float(due)

    values = [*FLOATS, 99.99, 100.0, 199.999, 200.0, 500.0]
    same("band(f, [100, 200, 500], ['a', 'b', 'c', 'd'])", label, f=values)
    same("band(i, [100, 200, 500], ['a', 'b', 'c', 'd'])", label, i=[*INTS, 100, 200, 500, 499])
    same("tier_sum(f, [100, 200, 500], [0.05, 0.1, 0.15, 0.2])", tiers, f=values)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234.5", "1234.5"),
        ("１２３", "123"),
        ("NT$ 1,200", "1200"),
        ("1,200元", "1200"),
        ("-5", "-5"),
        ("(1,000)", "-1000"),
        (" 7 ", "7"),
        ("+3.50", "3.5"),
        ("1.234.5", ""),
        ("12,34", ""),
        ("", ""),
        ("abc", ""),
        ("1e5", ""),
        ("--1", ""),
        ("٣", ""),
        ("US$9.99", "9.99"),
    ],
)
def test_to_number(text: str, number: str) -> None:
    assert column("to_number(t)", t=[text, None]) == [number, ""]


def cjk(name: str) -> bool:
    return any("\u3400" <= c <= "\u9fff" for c in name)


def test_masks_against_plain_rules() -> None:
    def name(n: str) -> str:
        n = n.strip()
        if not cjk(n):
            return " ".join(w[0] + "*" * (len(w) - 1) if len(w) > 1 else "*" for w in n.split())
        return {1: "○", 2: n[0] + "○"}.get(len(n), n[0] + "○" * (len(n) - 2) + n[-1])

    names = ["王", "王明", "王小明", "歐陽小明", "John Smith", "J Smith", "Ann", "  李四 ", "José Muñoz", "Åke"]
    same("mask_name(t)", name, t=names)
    same("mask_keep(t, 2, 1, '#')", lambda t: "#" * len(t) if len(t) <= 3 else t[:2] + "#" * (len(t) - 3) + t[-1], t=names)

    cards = ["4111111111111111", "4111-1111-1111-1111", "378282246310005", "6011 0000 0000 0000 000", "411111111111"]

    def card(pan: str) -> str:
        digits = re.sub(r"\D", "", pan)
        left = 6 if len(digits) > 14 else 4
        shown = iter(digits[:left] + "*" * (len(digits) - left - 4) + digits[-4:])
        return re.sub(r"\d", lambda m: next(shown), pan)

    same("mask_card(t)", card, t=cards)

    def mail(e: str) -> str:
        local, domain = e.rsplit("@", 1)
        host, _, top = domain.rpartition(".")
        return local[0] + "***" + (local[-1] if len(local) > 2 else "") + "@" + (f"{host[0]}***.{top}" if host else "***")

    same("mask_email(t)", mail, t=["a@b.test", "ab@b.co.test", "abc@example.test", "王小明@例子.test", "x@localhost"])
    same("mask_account(t, 3)", lambda a: re.sub(r"\w(?=(?:\W*\w){3})", "*", a), t=["012-345-678901", "123456", "9876543210"])
    same("mask_id_tw(t)", lambda t: t[:6] + "****", t=["A123456789", "F223456789", "AC01234567"])
    same("mask_birthday(d)", lambda d: f"**年{d.month:02}月**日", d=[dt.date(1990, 1, 31), dt.date(2004, 12, 1)])
    assert column("mask_birthday(t)", "en", t=["1990-01-31"]) == ["****-01-**"]


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("0912345678", "0912***678"),
        ("0912-345-678", "0912***678"),
        ("+886912345678", "+886912***678"),
        ("912345678", "0912***678"),
        ("+1 (212) 555-0123", "+1212****123"),
        ("02-2345-6789", "0223***789"),
        ("12345", "***45"),
        ("+4915112345678", "+49151*****678"),
    ],
)
def test_mask_phone(number: str, masked: str) -> None:
    assert column("mask_phone(t)", t=[number]) == [masked]


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("臺北市信義區市府路45號", "臺北市信義區***"),
        ("11008 台北市信義區市府路45號", "台北市信義區***"),
        ("新竹縣竹北市光明六路10號", "新竹縣竹北市***"),
        ("南投縣信義鄉同富村1號", "南投縣信義鄉***"),
        ("12 Main St, Springfield", "***"),
        ("", "***"),
    ],
)
def test_mask_address(address: str, masked: str) -> None:
    assert column("mask_address(t)", t=[address]) == [masked]


def test_a_mask_never_shows_the_whole() -> None:
    values = ["1234", "12345", "012345", "0" * 12, "A123456789", "a@b.c", "李", "ab", "x"]
    for call in (
        "mask_account(t, 10)",
        "mask_keep(t, 9, 9)",
        "mask_name(t)",
        "mask_phone(t, 6)",
        "mask_email(t)",
        "mask_card(t)",
    ):
        for value, masked in zip(values, column(call, t=values), strict=True):
            assert masked is None or masked != value


LOCALES = ["zh-TW", "zh-CN", "en", "ja", "de", "fr", "de-CH", "hi", "es", "pl", "pt-BR", "en-IN"]


@pytest.mark.parametrize("locale", LOCALES)
def test_numbers_as_babel_writes_them(locale: str) -> None:
    babel = Locale.parse(locale.replace("-", "_"))
    floats = FLOATS[:16] + FLOATS[16 + LOCALES.index(locale) % 4 :: 4]  # Babel is slow; four locales see all of them
    values: dict[str, list[Any]] = {"f": floats, "i": INTS[:30], "m": DECIMALS[:30]}
    for pattern in (
        None,
        "#,##0.00",
        "#,##0",
        "0.0##",
        "#,##0.00;(#,##0.00)",
        "#,##0.###",
        "00000",
        "#,##0.00'x'",
        "0.00E0",
        "@@#",
        "#,##0%",
    ):
        call = "fmt_number({}, '" + pattern.replace("'", "\\'") + "')" if pattern else "fmt_number({})"
        for name, v in values.items():
            same(
                call.format(name), lambda x, p=pattern: None if x is None else format_decimal(x, p, babel), locale, **{name: v}
            )
    for name, v in values.items():
        same(f"fmt_percent({name}, 1)", lambda x: None if x is None else percent(x, babel), locale, **{name: v})
        for code in ("USD", "JPY", "EUR", "BHD", "CNY"):
            same(
                f"fmt_currency({name}, '{code}')",
                lambda x, c=code: None if x is None else format_currency(x, c, locale=babel),
                locale,
                **{name: v},
            )
        same(
            f"fmt_compact({name})",
            lambda x: None if x is None else format_compact_decimal(x, locale=babel, fraction_digits=1),
            locale,
            **{name: v},
        )


def percent(x: Any, locale: Locale) -> str:
    pattern = locale.percent_formats[None].pattern.replace("0", "0.0", 1)
    return str(format_percent(x, pattern, locale))


def test_taiwan_dollars() -> None:
    def reference(x: Any) -> Any:
        if x is None:
            return None
        text = format_currency(x, "TWD", "NT$#,##0.00", "en")
        return text.removesuffix(".00")

    same("fmt_currency(f)", reference, f=FLOATS)
    same("fmt_currency(i)", reference, i=INTS)
    same("m | fmt_currency('TWD', 'en')", reference, m=DECIMALS)


def test_sizes_and_ordinals() -> None:
    assert column("fmt_bytes(i)", i=[0, 999, 1000, 1500, 999_949, 999_950, 10**9, 2**62]) == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.5 kB",
        "999.9 kB",
        "1.0 MB",
        "1.0 GB",
        "4.6 EB",
    ]

    def english(n: int) -> str:
        if n % 100 in (11, 12, 13):
            return f"{n}th"
        return f"{n}" + {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")

    same("fmt_ordinal(i, 'en')", english, i=list(range(1, 130)))
    numerals = {
        1: "一",
        10: "十",
        11: "十一",
        20: "二十",
        21: "二十一",
        100: "一百",
        101: "一百零一",
        110: "一百一十",
        1000: "一千",
    }
    numerals |= {
        1010: "一千零一十",
        10000: "一萬",
        10001: "一萬零一",
        12000: "一萬二千",
        100000: "十萬",
        10**8: "一億",
        100010000: "一億零一萬",
    }
    same("fmt_ordinal(i)", lambda n: "第" + numerals[n], i=list(numerals))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0912345678", "0912-345-678"),
        ("+886 912 345 678", "0912-345-678"),
        ("0223456789", "02-2345-6789"),
        ("037123456", "037-123-456"),
        ("0423456789", "04-2345-6789"),
        ("047123456", "04-712-3456"),
        ("0492345678", "049-234-5678"),
        ("0800123456", "0800-123-456"),
        ("02-2345-6789#123", "02-2345-6789#123"),
        ("+1 212 555 0123", "+1 2125550123"),
        ("0912", None),
        ("12345678", None),
    ],
)
def test_fmt_phone(number: str, text: str | None) -> None:
    assert column("fmt_phone(t)", t=[number]) == [text]


@pytest.mark.parametrize("locale", ["zh-TW", "en", "de", "ja", "fr"])
def test_dates_as_babel_writes_them(locale: str) -> None:
    babel = Locale.parse(locale.replace("-", "_"))
    days = [dt.date(1912, 1, 1), dt.date(2000, 2, 29), dt.date(2026, 11, 23)]
    days += [dt.date(1920, 1, 1) + dt.timedelta(RANDOM.randrange(60000)) for _ in range(80)]
    for pattern in (
        "short",
        "medium",
        "long",
        "full",
        "yyyy年M月d日",
        "d.M.yy",
        "EEEE, d MMMM y",
        "MMM d",
        "dd/MM/yyyy",
        "'on' EEE",
        "y 'w'w",
        "D Q",
    ):
        quoted = pattern.replace("'", "\\'")
        same(f"fmt_date(d, '{quoted}')", lambda d, p=pattern: format_date(d, p, babel), locale, d=days)
    moments = [dt.datetime(2026, 11, 23, 23, 5, 9, tzinfo=dt.UTC)]
    same("fmt_date(ts, 'y-MM-dd HH:mm')", lambda t: format_datetime(t, "y-MM-dd HH:mm", ZONE, babel), locale, ts=moments)
    same("fmt_date(ts)", lambda t: format_date(t.astimezone(ZONE).date(), "medium", babel), locale, ts=moments)
    assert column("fmt_date(d, 'HH:mm')", locale, d=days[:1]) == [None]


def test_roc_dates() -> None:
    days = [dt.date(1912, 1, 1), dt.date(2025, 1, 5), dt.date(2011, 12, 31)]
    same("roc_date(d)", lambda d: f"{d.year - 1911}年{d.month}月{d.day}日", d=days)
    same("roc_date(d, 'slash')", lambda d: f"{d.year - 1911}/{d:%m/%d}", d=days)
    same("roc_date(d, 'long')", lambda d: f"民國{d.year - 1911}年{d.month}月{d.day}日", d=days)
