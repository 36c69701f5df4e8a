"""Chinese text, names, numbers and the lunar calendar: judged by cn2an, wcwidth, cnlunar, OpenCC and naive readers."""

import datetime as dt
import random
import unicodedata
from decimal import Decimal
from itertools import pairwise
from typing import Any

import cn2an
import cnlunar
import pytest
import wcwidth
from hypothesis import given, settings
from hypothesis import strategies as st
from opencc import OpenCC

from actors.renderer.functions.chinese_names import COMPOUND
from actors.renderer.functions.chinese_text import DIRECTIONS
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import clusters
from actors.renderer.functions.lunar import _months, lunar_day
from tests.examples import examples
from tests.fakes.functions import AS_OF, FAILED, agree, run, scalar

HANT = str.maketrans("万亿点负贰叁陆", "萬億點負貳參陸")
MIXED = "王小明歐陽ABcd 09,.…！（）「」ＡＢ１２　éあア한אבגمحمد๙👍🏽👩\u200d👧❤\ufe0f🇹🇼e\u0301葛\U000e0100\u200b"
TEXTS = st.text(st.sampled_from(MIXED) | st.characters(exclude_categories=("Cs",)), max_size=24)


@settings(max_examples=examples(25))
@given(st.lists(st.none() | TEXTS, min_size=1, max_size=8))
def test_full_and_half_width(texts: list[Any]) -> None:
    def full(text: str) -> str:
        wide = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF01, 0xFF5F)} | {" ": "\u3000"}
        return "".join(wide.get(c, c) for c in text)

    def half(text: str) -> str:
        narrow = [unicodedata.normalize("NFKC", c) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text]
        return "".join(n if n.isalnum() else c for n, c in zip(narrow, text, strict=True))

    agree("to_fullwidth", lambda t: None if t is None else full(t), texts)
    agree("to_halfwidth", lambda t: None if t is None else half(t), texts)


PLAIN = st.text(st.sampled_from("王小明歐陽ABcd 09,.！（）ＡＢ１２　éあア한אבגمحمد…αx①👍🎂"), max_size=24)


@settings(max_examples=examples(50))
@given(PLAIN, st.integers(0, 30), st.sampled_from(["…", "", "...", "（略）"]))
def test_truncate_width_fills_the_columns(text: str, columns: int, suffix: str) -> None:
    got = scalar("truncate_width", text, columns, suffix)
    assert wcwidth.wcswidth(got) <= columns
    if wcwidth.wcswidth(text) <= columns:
        assert got == text
        return
    if wcwidth.wcswidth(suffix) > columns:
        assert suffix.startswith(got)
        return
    assert got.endswith(suffix)
    kept = got.removesuffix(suffix)
    assert text.startswith(kept)
    assert wcwidth.wcswidth(text[: len(kept) + 1]) + wcwidth.wcswidth(suffix) > columns  # one more would not have fitted


@settings(max_examples=examples(25))
@given(TEXTS, st.integers(0, 30))
def test_truncate_width_keeps_characters_whole(text: str, columns: int) -> None:
    got = scalar("truncate_width", text, columns, "")
    parts = clusters(text)
    assert got in ["".join(parts[:n]) for n in range(len(parts) + 1)]
    assert run("truncate_width", 3, [[text, None, text], columns, ""]) == [got, None, got]


def test_truncate_width_of_emoji() -> None:
    for emoji in ("👩\u200d👧", "👍🏽", "❤\ufe0f", "🇹🇼", "1\ufe0f\u20e3", "👩\u200d❤\ufe0f\u200d👨"):
        assert wcwidth.wcswidth(emoji) == 2
        assert scalar("truncate_width", emoji * 3, 5) == emoji * 2 + "…"
        assert scalar("truncate_width", emoji * 3, 4) == emoji + "…"
    for letters in ("นี้", "কি", "각", "한", "葛\U000e0100", "הִ", "ë"):
        columns = wcwidth.wcswidth(letters)
        assert scalar("truncate_width", letters * 3, columns * 3) == letters * 3
        assert scalar("truncate_width", letters * 3, columns * 3 - 1, "") == letters * 2
    assert scalar("truncate_width", "e\u0301" * 5, 3) == "e\u0301e\u0301…"
    assert scalar("truncate_width", "王小明", 0) == ""
    assert scalar("truncate_width", "שלום עולם", 5) == "שלום…"


def test_simp_trad_is_openccs() -> None:
    assert scalar("simp_trad", "头发发展", "s2t") == "頭髮發展"  # a phrase decides between 髮 and 發
    assert scalar("simp_trad", "皇后后来", "s2tw") == "皇后後來"
    assert scalar("simp_trad", "软件里的鼠标", "s2twp") == "軟體裡的滑鼠"
    assert scalar("simp_trad", "軟體裡的滑鼠", "tw2sp") == "软件里的鼠标"
    assert scalar("simp_trad", "裡", "tw2t") == "裏"
    with pytest.raises(Refused):
        scalar("simp_trad", "x", "../s2t")


@settings(max_examples=examples(20))
@given(st.sampled_from(DIRECTIONS), st.lists(st.none() | TEXTS, min_size=1, max_size=5))
def test_simp_trad_of_any_text(direction: str, texts: list[Any]) -> None:
    judge = OpenCC(direction)
    texts = [t and t.replace("\0", "") for t in texts]  # OpenCC alone stops there
    agree("simp_trad", lambda t: None if t is None else judge.convert(t), texts, rest=(direction,))
    assert scalar("simp_trad", "a\0<b>\r\n🇹🇼 שלום", direction) == "a\0<b>\r\n🇹🇼 שלום"


def test_compound_surnames_in_both_writings() -> None:
    assert {scalar("simp_trad", name, "t2s") for name in COMPOUND} <= COMPOUND
    assert all(len(name) == 2 for name in COMPOUND)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            ("王小明", "王"),
            ("歐陽小明", "歐陽"),
            ("欧阳修", "欧阳"),
            ("司馬", "司馬"),
            ("范姜群閔", "范姜"),
            ("佐藤 健", "佐藤"),
        ),
        *(
            ("歐 陽", "歐"),
            ("𠮷田", "𠮷"),
            ("葛\U000e0100城", "葛\U000e0100"),
            ("瓦歷斯·諾幹", "瓦歷斯·諾幹"),
            (" 王小明 ", "王"),
        ),
        *(("Xiao-Ming Wang", "Wang"), ("Wang, Xiao-Ming", "Wang"), ("WANG Xiao-Ming", "WANG"), ("Cher", "Cher"), ("", None)),
        *(("  ", None), ("محمد علي", "علي"), ("김민수", "김민수"), ("👍", "👍"), (", x", "x")),
    ],
)
def test_surname(name: str, expected: str | None) -> None:
    assert scalar("surname", name) == expected
    assert run("surname", 4, [[name, None, name, name]]) == [expected, None, expected, expected]


GENDERS = {
    "Mr.": ["M", "m", "Male", "男", "男性", "1", 1, "先生", " Mr. "],
    "Ms.": ["F", "f", "FEMALE", "女", "女性", "2", 2, "小姐", "女士", "Mrs."],
    "": [None, "", "X", "0", 9, "不明", "非二元"],
}


@pytest.mark.parametrize(("title", "form"), [(title, form) for title, forms in GENDERS.items() for form in forms])
def test_salutation(title: str, form: Any) -> None:
    chinese = {"Mr.": "先生", "Ms.": "女士" if form == "女士" else "小姐", "": ""}[title]
    english = Context(types={}, as_of=AS_OF, locale="en-GB")
    assert scalar("salutation", "歐陽小明", form) == (f"歐陽{chinese}" if title else "貴賓")
    assert scalar("salutation", "John Smith", form) == (f"Smith {chinese}" if title else "貴賓")
    assert scalar("salutation", "Xiao-Ming Wang", form, job=english) == (f"{title} Wang" if title else "Customer")
    assert scalar("salutation", "Wang, Xiao-Ming", form, "en") == (f"{title} Wang" if title else "Customer")
    assert run("salutation", 3, [["王小明", None, " "], form, "zh"]) == [f"王{chinese}" if title else "貴賓", "貴賓", "貴賓"]


def value_of(numeral: str) -> int:
    """A naive reader of numerals."""
    total = group = digit = 0
    units = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
    groups = {"萬": 10**4, "億": 10**8, "兆": 10**12, "京": 10**16}
    for character in numeral:
        if character in units:
            group += (digit or 1) * units[character]
            digit = 0
        elif character in groups:
            total += (group + digit) * groups[character]
            group = digit = 0
        else:
            digit = max("零一二三四五六七八九".find(character), "零壹貳參肆伍陸柒捌玖".find(character))
            assert digit >= 0, character
    return total + group + digit


WHOLE = (
    st.integers(0, 10**16) | st.text("00012589", min_size=1, max_size=17).map(int) | st.sampled_from([10**n for n in range(17)])
)


@settings(max_examples=examples(50))
@given(WHOLE)
def test_numerals_read_back(value: int) -> None:
    for style in ("lower", "upper"):
        written = scalar("zh_number", value, style)
        assert value_of(written) == value
        assert "零零" not in written
        assert not (value and written.endswith("零"))


def _skips_a_group(value: int) -> bool:
    """一億零五千: cn2an writes 一億五千 there, which many read as 150 million."""
    groups = f"{value:020}"
    four = [groups[i : i + 4] for i in range(0, 20, 4)]
    return any(four[i] == "0000" and four[i + 1][0] != "0" and any(int(g) for g in four[:i]) for i in range(4))


def test_numbers_and_amounts_as_cn2an_writes_them() -> None:
    draw = random.Random(7)
    compared = 0
    for _ in range(600):
        value = int("".join(draw.choice("000512346789"[: draw.choice((4, 12))]) for _ in range(draw.randrange(1, 13))))
        if _skips_a_group(value):
            continue
        compared += 1
        assert scalar("zh_number", value) == cn2an.an2cn(value, "low").translate(HANT)
        assert scalar("zh_number", -value, "upper") == cn2an.an2cn(-value, "up").translate(HANT)
        amount = Decimal(value).scaleb(-2)
        judged = cn2an.an2cn(str(amount) if value % 100 else value // 100, "rmb").translate(HANT)
        if not _skips_a_group(value // 100) and value >= 100:
            assert scalar("zh_money_upper", amount) == "新臺幣" + judged, value
    assert compared > 400


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        *((0, "零元整"), (Decimal("0.00"), "零元整"), (10, "壹拾元整"), (1200, "壹仟貳佰元整"), (10005, "壹萬零伍元整")),
        *(
            (10050000, "壹仟零伍萬元整"),
            (100005000, "壹億零伍仟元整"),
            (Decimal("3.05"), "參元零伍分"),
            (Decimal("3.50"), "參元伍角"),
        ),
        *(
            (Decimal("0.05"), "伍分"),
            (Decimal("0.35"), "參角伍分"),
            (0.1, "壹角"),
            (-1200, "負壹仟貳佰元整"),
            (10**16, "壹京元整"),
        ),
        *(
            (2**63 - 1, "玖佰貳拾貳京參仟參佰柒拾貳兆零參佰陸拾捌億伍仟肆佰柒拾柒萬伍仟捌佰零柒元整"),
            (Decimal("-0.5"), "負伍角"),
        ),
    ],
)
def test_amounts(amount: Any, expected: str) -> None:
    assert scalar("zh_money_upper", amount) == "新臺幣" + expected
    assert run("zh_money_upper", 2, [[amount, None]]) == ["新臺幣" + expected, None]


def test_numbers_beyond_whole_ones() -> None:
    values = [-3.14, Decimal("2.50"), 0.5, 1e-7, -0.0, 12, 20, 10**20, float("nan"), "3", None, True]
    expected = [
        "負三點一四",
        "二點五",
        "零點五",
        "零點零零零零零零一",
        "零",
        "十二",
        "二十",
        FAILED,
        FAILED,
        FAILED,
        None,
        FAILED,
    ]
    assert [run("zh_number", 1, [[value]])[0] for value in values] == expected
    assert run("zh_number", len(values), [values]) == expected
    with pytest.raises(Refused, match="decimal places"):
        scalar("zh_money_upper", Decimal("1.005"))
    with pytest.raises(Refused, match="style"):
        scalar("zh_number", 1, "roman")


# Where almanacs differ: one new moon falls within seconds of midnight in Beijing; cnlunar begins the month a day earlier.
DIFFERS = dt.date(2057, 9, 28), dt.date(2057, 10, 27)


def judged(day: dt.date) -> tuple[int, int, bool, int]:
    judge = cnlunar.Lunar(dt.datetime(day.year, day.month, day.day))
    return judge.lunarYear, judge.lunarMonth, judge.isLunarLeapMonth, judge.lunarDay


def test_lunar_months_are_those_of_another_almanac() -> None:
    starts = [dt.date.fromordinal(at) for year in range(2000, 2061) for at in _months(year)[0][:-1]]
    assert len(starts) > 750
    for day in [*starts[::3], dt.date(2025, 7, 25), dt.date(2033, 12, 22)]:  # two leap months
        assert DIFFERS[0] <= day <= DIFFERS[1] or lunar_day(day) == judged(day), day
    assert [b - a for a, b in pairwise(starts) if (b - a).days not in (29, 30)] == []
    assert lunar_day(dt.date(2057, 9, 29)) == (2057, 9, False, 1)


@pytest.mark.deep
def test_every_lunar_day_is_that_of_another_almanac() -> None:
    day, last = dt.date(1901, 2, 19), dt.date(2100, 2, 8)  # cnlunar's years
    while day <= last:
        assert DIFFERS[0] <= day <= DIFFERS[1] or lunar_day(day) == judged(day), day
        day += dt.timedelta(1)


@settings(max_examples=examples(25))
@given(st.lists(st.none() | st.dates(dt.date(1901, 2, 19), dt.date(2057, 9, 1)), min_size=1, max_size=6))
def test_lunar_dates_and_animals(days: list[Any]) -> None:
    traditional = OpenCC("s2tw")

    def written(day: dt.date) -> str:
        judge = cnlunar.Lunar(dt.datetime(day.year, day.month, day.day))
        month = "正" if judge.lunarMonth == 1 else cn2an.an2cn(judge.lunarMonth).removeprefix("一")
        return f"農曆{'閏' if judge.isLunarLeapMonth else ''}{month or '一'}月{judge.lunarDayCn}"

    def animal(day: dt.date) -> str:
        names = "鼠牛虎兔龙蛇马羊猴鸡狗猪"
        return traditional.convert(names[(judged(day)[0] - 2020) % 12])  # 2020 was a year of the rat

    agree("lunar_date", lambda d: None if d is None else written(d), days)
    agree("zodiac_tw", lambda d: None if d is None else animal(d), days)


def test_the_edges_of_the_lunar_years() -> None:
    days = [dt.date(1900, 1, 30), dt.date(1900, 1, 31), dt.date(2101, 1, 28), dt.date(2101, 1, 29), dt.date(2025, 7, 25)]
    assert run("lunar_date", 5, [days]) == [FAILED, "農曆正月初一", "農曆十二月廿九", FAILED, "農曆閏六月初一"]
    assert run("zodiac_tw", 5, [["2026-02-16", "2026-02-17", AS_OF, None, "x"]]) == ["蛇", "馬", "馬", None, FAILED]
