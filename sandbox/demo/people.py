"""The demo's list: invented people with plausible names, domains, amounts and dates; about 1 % of the addresses cannot be right
and 1 % come twice. Deterministic: one generator, always asked in the same order."""

import random
from bisect import bisect
from collections.abc import Callable
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path

INVALID_SHARE = 0.01
DUPLICATE_SHARE = 0.01
NO_ACCOUNT = 4711  # of every 5,000 rows this one lacks what its mail needs: few enough for any job, none on a short list
AS_OF = date(2026, 12, 1)

SURNAMES = "陳林黃張李王吳劉蔡楊許鄭謝郭洪曾邱廖賴徐周葉蘇莊呂江何羅高蕭潘簡朱鍾彭游詹胡施沈余趙盧梁顏柯翁魏孫戴"
SURNAMES_2 = ("歐陽", "司馬", "張簡", "范姜")
GIVEN_F = (
    "怡君",
    "淑芬",
    "雅婷",
    "美玲",
    "佳穎",
    "詩涵",
    "欣怡",
    "惠雯",
    "心怡",
    "宜蓁",
    "筱涵",
    "麗華",
    "秀英",
    "靜",
    "嵐",
    "子晴",
)
GIVEN_M = (
    "志明",
    "俊傑",
    "家豪",
    "冠宇",
    "建宏",
    "承翰",
    "柏翰",
    "宗翰",
    "文雄",
    "信宏",
    "彥廷",
    "國華",
    "明哲",
    "誠",
    "睿",
    "子軒",
)
FIRST_F = ("Mary", "Linda", "Emily", "Sophie", "Anna", "Grace", "Chloe", "Olivia", "Julia", "Nina", "Zoë", "Renée")
FIRST_M = ("James", "David", "Michael", "Daniel", "Thomas", "Peter", "Kevin", "Oliver", "Lucas", "André", "Björn", "Paul")
LAST = (
    "Smith",
    "Johnson",
    "Brown",
    "Wilson",
    "Chen",
    "Lin",
    "Wang",
    "O'Connor",
    "van Dijk",
    "Müller",
    "García",
    "Lee",
    "Novák",
)
PINYIN = ("chen", "lin", "huang", "chang", "lee", "wang", "wu", "liu", "tsai", "yang", "hsu", "cheng", "hsieh", "kuo", "tseng")
PLACES = {
    "台北市": ("大安區", "信義區", "中山區", "士林區", "內湖區"),
    "新北市": ("板橋區", "中和區", "新店區", "淡水區"),
    "桃園市": ("中壢區", "桃園區"),
    "台中市": ("西屯區", "北屯區", "南屯區"),
    "台南市": ("東區", "永康區"),
    "高雄市": ("左營區", "三民區", "鳳山區"),
    "新竹市": ("東區", "北區"),
    "花蓮縣": ("花蓮市", "吉安鄉"),
}
ROADS = ("中山路", "民生東路", "忠孝東路", "復興路", "和平路", "中正路", "光復路", "文化路")
# Places in people's lives; the weights are shares of the list in per mille, the long tail has what is left.
DOMAINS = {
    "gmail.test": 350,
    "yahoo.test": 170,
    "hinet.test": 110,
    "outlook.test": 100,
    "icloud.test": 50,
    "pchome.test": 30,
    "msa-hinet.test": 20,
    "proton.test": 10,
    "ntu.edu.test": 5,
    "ncku.edu.test": 4,
    "strict-insurance.test": 2,
    "flaky-logistics.test": 4,
    "slow-museum.test": 2,
}
TAIL_DOMAINS = 320
TAIL_WORDS = ("formosa", "jade", "river", "cloud", "pacific", "bamboo", "harbor", "silk", "lotus", "sunrise", "maple", "orchid")
TAIL_TRADES = ("tech", "trading", "foods", "motors", "design", "steel", "clinic", "travel", "books", "energy", "studio", "law")
BROKEN: tuple[Callable[[str, str], str], ...] = (
    lambda local, domain: local,  # no domain at all
    lambda local, domain: f"{local}@",
    lambda local, domain: f"@{domain}",
    lambda local, domain: f"{local}@@{domain}",
    lambda local, domain: f"{local} {local}@{domain}",
    lambda local, domain: f"{local}.@{domain}",
    lambda local, domain: f"{local}@{domain.replace('.', '..')}",
    lambda local, domain: f"{local}@-{domain}",
    lambda local, domain: "n/a",
)  # fmt: skip
COLUMNS = (
    "id,email,name,nickname,gender,lang,birthday,city,address,phone,id_no,card,account,points,points_expiring,"
    "amount,last_amount,spent_year,credit_limit,visits,days_left,expires,opt_out"
)


def write_list(file: Path, rows: int, seed: int) -> None:
    """Writes the CSV: one header line and `rows` lines, UTF-8."""
    chance = random.Random(seed)
    pick_domain = _domain_picker(chance)
    addresses: list[str] = []
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(COLUMNS + "\n")
        for number in range(rows):
            email = _address(chance, number, pick_domain, addresses)
            out.write(f"M{number + 1:08d},{email},{_person(chance)},{_figures(chance, number % 5000 != NO_ACCOUNT)}\n")


def _domain_picker(chance: random.Random) -> Callable[[], str]:
    """Gives domains by their weights; in the tail the first are the larger ones."""
    names = list(DOMAINS)
    weights = [float(w) for w in DOMAINS.values()]
    tail = 1000 - sum(weights)
    ranks = [1 / (rank + 5) for rank in range(TAIL_DOMAINS)]
    for rank, share in enumerate(ranks):
        word, trade = TAIL_WORDS[rank % len(TAIL_WORDS)], TAIL_TRADES[rank // len(TAIL_WORDS) % len(TAIL_TRADES)]
        names.append(f"{word}-{trade}{rank // 144 or ''}.{('test', 'example')[rank % 4 == 3]}")
        weights.append(tail * share / sum(ranks))
    edges = list(accumulate(weights))
    return lambda: names[bisect(edges, chance.random() * edges[-1])]


def _address(chance: random.Random, number: int, pick_domain: Callable[[], str], earlier: list[str]) -> str:
    luck = chance.random()
    if luck < DUPLICATE_SHARE and earlier:
        return chance.choice(earlier)
    local = f"{chance.choice(PINYIN)}{('.', '_', '')[chance.randrange(3)]}{number:x}"
    domain = pick_domain()
    if luck > 1 - INVALID_SHARE:
        return chance.choice(BROKEN)(local, domain)
    email = f"{local}@{domain}"
    if len(earlier) < 5000:  # enough to draw from; the whole list would only cost memory
        earlier.append(email)
    return email


def _person(chance: random.Random) -> str:
    """name,nickname,gender,lang,birthday,city,address,phone,id_no"""
    woman = chance.random() < 0.52
    english = chance.random() < 0.15
    if english:
        name = f"{chance.choice(FIRST_F if woman else FIRST_M)} {chance.choice(LAST)}"
    else:
        surname = chance.choice(SURNAMES_2) if chance.random() < 0.01 else chance.choice(SURNAMES)
        name = surname + chance.choice(GIVEN_F if woman else GIVEN_M)
    nickname = name.split()[0] if english and chance.random() < 0.5 else name[-1:] * 2 if chance.random() < 0.1 else ""
    gender = "" if chance.random() < 0.05 else "F" if woman else "M"
    birthday = AS_OF - timedelta(days=chance.randrange(18 * 365, 80 * 365))
    city = chance.choice(tuple(PLACES))
    address = f"{city}{chance.choice(PLACES[city])}{chance.choice(ROADS)}{chance.randrange(1, 400)}號"
    phone = f"09{chance.randrange(10**8):08d}"
    lang = "en" if english else "zh"
    return f"{name},{nickname},{gender},{lang},{birthday},{city},{address},{phone},{_id_number(chance, woman)}"


def _figures(chance: random.Random, with_account: bool) -> str:
    """card,account,points,points_expiring,amount,last_amount,spent_year,credit_limit,visits,days_left,expires,opt_out"""
    points = int(chance.paretovariate(1.1) * 200) % 60_000
    expiring = points // chance.randrange(2, 9) if chance.random() < 0.3 else 0
    amount, last = chance.randrange(0, 4_000_000), chance.randrange(0, 4_000_000) if chance.random() < 0.9 else 0
    limit = chance.choice((30_000, 50_000, 80_000, 120_000, 200_000, 300_000))
    days = chance.randrange(1, 720)
    account = f"{chance.randrange(10**12):012d}" if with_account else ""
    return (
        f"{_card_number(chance)},{account},{points},{expiring},{amount / 100:.2f},{last / 100:.2f},"
        f"{chance.randrange(0, 60_000_000) / 100:.2f},{limit},{chance.randrange(0, 60)},{days},{AS_OF + timedelta(days=days)},"
        f"{'true' if chance.random() < 0.003 else 'false'}"
    )


def _id_number(chance: random.Random, woman: bool) -> str:
    """A national ID number with a right check digit."""
    letter = chance.choice("ABCDEFGH")
    code = ord(letter) - ord("A") + 10
    digits = [2 if woman else 1, *(chance.randrange(10) for _ in range(7))]
    total = code // 10 + code % 10 * 9 + sum(d * w for d, w in zip(digits, range(8, 0, -1), strict=True))
    return f"{letter}{''.join(map(str, digits))}{-total % 10}"


def _card_number(chance: random.Random) -> str:
    """Sixteen digits with a right Luhn digit, in a range that no bank issues."""
    body = f"400000{chance.randrange(10**9):09d}"
    doubled = sum(sum(divmod(int(d) * 2, 10)) for d in body[::2]) + sum(int(d) for d in body[1::2])
    return f"{body}{-doubled % 10}"
