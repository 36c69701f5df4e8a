"""Names: the surname, and how to address somebody by name and gender.

Compound surnames are those of the Hundred Family Surnames (百家姓, Song dynasty) and the three most frequent in Taiwan by the
statistics of names of the Ministry of the Interior (全國姓名統計分析): 張簡, 歐陽, 范姜. Nothing is romanised: a guess at the
spelling that somebody uses would be wrong too often.
"""

import re
from typing import Any

from actors.renderer.functions.context import Context
from actors.renderer.functions.inputs import clusters, text, unmarked
from actors.renderer.functions.registry import scalar

FAMILY = "Chinese"
_COMPOUND = (
    "萬俟 司馬 上官 歐陽 夏侯 諸葛 聞人 東方 赫連 皇甫 尉遲 公羊 澹臺 公冶 宗政 濮陽 淳于 單于 太叔 申屠 公孫 仲孫 軒轅 令狐"
    " 鍾離 宇文 長孫 慕容 鮮于 閭丘 司徒 司空 亓官 司寇 子車 顓孫 端木 巫馬 公西 漆雕 樂正 壤駟 公良 拓跋 夾谷 宰父 穀梁 段干"
    " 百里 東郭 南門 呼延 羊舌 微生 梁丘 左丘 東門 西門 南宮 第五 張簡 范姜"
    # simplified, where that differs
    " 万俟 司马 欧阳 诸葛 闻人 东方 赫连 尉迟 澹台 濮阳 单于 公孙 仲孙 轩辕 钟离 长孙 鲜于 闾丘 子车 颛孙 巫马 乐正 壤驷 夹谷"
    " 谷梁 东郭 南门 东门 西门 南宫 张简"
)
COMPOUND = frozenset(_COMPOUND.split())
_IDEOGRAPH = re.compile("[\u3005\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_JOINS = re.compile("[·・‧•．]")  # between the parts of a name that was taken over by sound
_MEN, _WOMEN = "m male man mr mr. 男 男性 男士 1 先生", "f female woman ms ms. mrs mrs. miss 女 女性 2 小姐 女士 太太"
_MALE, _FEMALE = frozenset(_MEN.split()), frozenset(_WOMEN.split())
_TITLES = {"zh": ("先生", "小姐"), "en": ("Mr.", "Ms.")}
_UNKNOWN = {"zh": "貴賓", "en": "Customer"}
_KEPT = frozenset(("女士", "太太"))  # titles that a column of genders may ask for in so many words


def surname_of(name: str) -> str:
    """The surname, "" where the name is blank."""
    squeezed = " ".join(name.split())
    if not squeezed:
        return ""
    if not _IDEOGRAPH.match(squeezed):
        return _western(squeezed)
    if _JOINS.search(squeezed):
        return squeezed
    first, blank, _ = squeezed.partition(" ")
    if blank and len(first) > 1:
        return first  # 佐藤 健, 歐陽 修: the name itself says where the surname ends
    if squeezed[:2] in COMPOUND:
        return squeezed[:2]
    return squeezed[0] if unmarked(squeezed[:2]) else clusters(squeezed)[0]


def _western(name: str) -> str:
    before, comma, _ = name.partition(",")
    if comma and before.strip():
        return before.strip()
    words = name.split()
    capitals = [word for word in words if len(word) > 1 and word.isupper()]
    return capitals[0] if len(capitals) == 1 and len(words) > 1 else words[-1]


@scalar(FAMILY, "surname('歐陽小明')", "歐陽")
def surname(name: Any) -> str | None:
    """The surname of a Chinese name, also a compound one (歐陽, 司馬); of a name in letters the last word, the word in
    capitals, or what stands before the comma. Null of a blank name."""
    return surname_of(text(name, "surname", "name")) or None


@scalar(FAMILY, "salutation('王小明', 'M')", "王先生", nulls="a null name or gender counts as unknown", needed=())
def salutation(job: Context, name: Any, gender: Any, lang: Any = None) -> str:
    """王先生, 王小姐, Mr. Wang, by gender (M F, male female, 男 女, 1 2, 先生 小姐 女士); 貴賓 or Customer where name or
    gender is not known. lang: zh or en; without it by the job's locale."""
    language = "zh" if text(job.locale if lang is None else lang, "salutation", "lang").lower().startswith("zh") else "en"
    form = "" if gender is None else text(gender, "salutation", "gender").strip().lower()
    family = "" if name is None else surname_of(text(name, "salutation", "name"))
    if not family or form not in _MALE | _FEMALE:
        return _UNKNOWN[language]
    title = _TITLES[language][form in _FEMALE]
    if language == "en":
        return f"{title} {family}"
    if form in _KEPT:
        title = form
    return family + title if _IDEOGRAPH.match(family) else f"{family} {title}"
