"""The list of the rendering benches: 100,000 rows as real lists are.

Ids, addresses, links and amounts are all distinct; 60,000 names, 15,000 birthdays, 365 due dates, 22 cities; 5 % nulls where a
real list has them. Deterministic: the same arguments give the same rows.
"""

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa

ROWS = 100_000
NAMES, BIRTHDAYS, DUE_DATES = 60_000, 15_000, 365
NULLS = 0.05
_CITY_NAMES = (
    "臺北市新北市桃園市臺中市臺南市高雄市基隆市新竹市嘉義市新竹縣苗栗縣"
    "彰化縣南投縣雲林縣嘉義縣屏東縣宜蘭縣花蓮縣臺東縣澎湖縣金門縣連江縣"
)
CITIES = tuple(_CITY_NAMES[at : at + 3] for at in range(0, len(_CITY_NAMES), 3))
_SURNAMES = "陳林黃張李王吳劉蔡楊許鄭謝郭洪曾邱廖賴周徐蘇葉莊呂江何蕭羅高"
_GIVEN = "家豪志明俊傑建宏淑芬美玲雅婷怡君欣怡詩涵冠宇承恩子晴品妍宥廷柏翰雨桐思妤浩然文彬佩珊惠雯"
_FIRST = ("James", "Mary", "John", "Linda", "Robert", "Susan", "Michael", "Karen", "David", "Nancy", "Thomas", "Lisa", "Grace")
_LAST = ("Smith", "Johnson", "Brown", "Taylor", "Wilson", "Davis", "Clark", "Lewis", "Walker", "Young", "King", "Wright")
TYPES = {
    "id": "text",
    "email": "text",
    "link": "text",
    "name": "text",
    "nickname": "text",
    "phone": "text",
    "card": "text",
    "account": "text",
    "id_no": "text",
    "city": "text",
    "level": "text",
    "points": "int",
    "orders": "int",
    "amount": "decimal",
    "balance": "float",
    "rate": "float",
    "vip": "bool",
    "birthday": "date",
    "due": "date",
}


def people(rows: int = ROWS, seed: int = 7) -> pa.Table:
    """The list as intake freezes it."""
    chance = random.Random(seed)
    names = _names(chance)
    births = [dt.date(1945, 1, 1) + dt.timedelta(days=n) for n in chance.sample(range(60 * 365), BIRTHDAYS)]
    due = [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(DUE_DATES)]
    cents = chance.sample(range(10_000, 10_000 + 50 * rows), rows)

    def maybe(value: Any) -> Any:
        return None if chance.random() < NULLS else value

    columns: dict[str, list[Any]] = {name: [] for name in TYPES}
    for n in range(rows):
        row = {
            "id": f"C{n * 7919 % 10**8:08}",
            "email": f"user{n}.{chance.choice(_LAST).lower()}@{chance.choice(('gmail', 'yahoo', 'hinet', 'corp'))}.test",
            "link": f"https://bank.test/statement?c={chance.getrandbits(80):020x}&m=11",
            "name": chance.choice(names),
            "nickname": maybe(chance.choice(names)[-2:]),
            "phone": maybe(f"09{chance.randrange(10**8):08}"),
            "card": f"4{chance.randrange(10**15):015}",
            "account": f"{chance.randrange(10**3):03}-{chance.randrange(10**3):03}-{chance.randrange(10**6):06}",
            "id_no": f"{chance.choice('ABCDEFGH')}{chance.choice('12')}{chance.randrange(10**8):08}",
            "city": chance.choice(CITIES),
            "level": chance.choice(("gold", "silver", "basic")),
            "points": chance.randrange(50_000),
            "orders": chance.randrange(1, 20),
            "amount": Decimal(cents[n]).scaleb(-2),
            "balance": maybe(round(chance.uniform(0, 99_999), 2)),
            "rate": chance.random(),
            "vip": chance.random() < 0.3,
            "birthday": maybe(chance.choice(births)),
            "due": chance.choice(due),
        }
        for name, value in row.items():
            columns[name].append(value)
    arrow = {"amount": pa.decimal128(12, 2)}
    return pa.table({name: pa.array(values, arrow.get(name)) for name, values in columns.items()})


def _names(chance: random.Random) -> list[str]:
    """Nine in ten Chinese, of two to four characters; the rest in letters."""
    found: dict[str, None] = {}
    while len(found) < NAMES:
        draw = chance.random()
        given = "".join(chance.choices(_GIVEN, k=1 if draw < 0.05 else 3 if draw > 0.88 else 2))
        western = f"{chance.choice(_FIRST)} {chr(65 + chance.randrange(26))}. {chance.choice(_LAST)}"
        found[western if draw > 0.9 else chance.choice(_SURNAMES) + given] = None
    return list(found)
