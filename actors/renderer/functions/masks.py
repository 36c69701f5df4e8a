"""Masks: what may be shown of a name, number or address. Where the form of a value is not known, all of it is hidden.

A mask never shows a whole value: where little is left to hide, more is hidden.
"""

import base64
import hmac
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from actors.renderer.functions import keys, maskcolumns, phones
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import clusters, day, text, whole
from actors.renderer.functions.registry import SETTINGS, prepared, scalar

FAMILY = "Masks"
_WIDE = re.compile(
    "[\u2e80-\u303f\u3041-\u30ff\u3105-\u312f\u31a0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)
_THREE = re.compile("[\u4e00-\u9fff]{3}").fullmatch
_TW_ID = re.compile(r"[A-Z][A-D1289][0-9]{8}")
_TW_ADDRESS = re.compile(r"(?:[0-9]{3,6})?\s*((?:[^\s0-9]{2}[縣市])(?:[^\s0-9]{1,3}?[區鄉鎮市]))")
_HIDDEN = "***"


@scalar(FAMILY, "mask_name('王小明')", "王○明", column=maskcolumns.name_column)
def mask_name(n: Any, ch: Any = None) -> str:
    """王○明; of two characters the first; of four and more the first and last; J*** S**** for names in letters. ch: the mark to
    hide with (○ or *)."""
    name = text(n, "mask_name", "n").strip()
    if ch is not None:
        ch = text(ch, "mask_name", "ch")
    if ch is None and _THREE(name):  # nearly all Chinese names
        return f"{name[0]}○{name[2]}"
    if name.isascii() or not _WIDE.search(name):
        return " ".join(_word(word, "*" if ch is None else ch) for word in name.split())
    shown, mark = clusters(name), "○" if ch is None else ch
    if len(shown) <= 2:
        return shown[0] + mark if len(shown) == 2 else mark
    return shown[0] + mark * (len(shown) - 2) + shown[-1]


def _word(word: str, mark: str) -> str:
    if word.isascii():
        return word[0] + mark * (len(word) - 1) if len(word) > 1 else mark
    if len(word) == 1:
        return mark
    shown = clusters(word)
    return shown[0] + mark * (len(shown) - 1)


@scalar(FAMILY, "mask_email('amyliz@demo.com')", "a***z@d***.com", column=maskcolumns.email_column)
def mask_email(e: Any) -> str:
    """a***z@d***.com."""
    local, at, domain = text(e, "mask_email", "e").strip().rpartition("@")
    if not at or not local or not domain:
        raise Refused("mask_email", "e", "is no mail address")
    name, dot, top = domain.rpartition(".")
    ends = clusters(local)
    hidden = ends[0] + _HIDDEN + (ends[-1] if len(ends) > 2 else "")
    return f"{hidden}@{clusters(name)[0]}{_HIDDEN}.{top}" if dot and name else f"{hidden}@{_HIDDEN}"


@scalar(FAMILY, "mask_phone('0912345678')", "0912***678", column=maskcolumns.phone_column)
def mask_phone(p: Any, keep: Any = 3) -> str:
    """0912***678, +886912***678: the last digits (keep) and the first four, or the country code and the first three, stay."""
    tail = whole(keep, "mask_phone", "keep", 0, 6)
    value = text(p, "mask_phone", "p")
    if tail == 3 and len(value) == 10 and value[0] == "0" and value[1] != "0" and value.isascii() and value.isdigit():
        return f"{value[:4]}***{value[7:]}"  # nearly all of them
    found = phones.parts(value)
    if found is None:
        raise Refused("mask_phone", "p", "is no telephone number")
    country, digits, _ = found
    if not country:
        digits = phones.national_tw(country, digits) or digits
    # At least three digits are hidden, so a short number shows less.
    tail = min(tail, len(digits) - 3)
    head = min(3 if country else 4, len(digits) - tail - 3)
    hidden = "*" * (len(digits) - head - tail)
    return ("+" + country if country else "") + digits[:head] + hidden + digits[len(digits) - tail :]


@scalar(FAMILY, "mask_id_tw('A123456789')", "A12345****", column=maskcolumns.id_column)
def mask_id_tw(id: Any) -> str:
    """A12345****: the last four of a national or resident ID are hidden (rule of the National Development Council, 2014)."""
    value = text(id, "mask_id_tw", "id").strip().upper()
    if not _TW_ID.fullmatch(value):
        raise Refused("mask_id_tw", "id", "is no national or resident ID (a letter and nine more)")
    return value[:6] + "****"


def _hide_digits(value: str, head: int, tail: int, total: int) -> Iterator[str]:
    """Every character, with those digits and letters hidden that are neither at the head nor at the tail."""
    at = 0
    for character in value:
        if character.isalnum():
            yield character if at < head or at >= total - tail else "*"
            at += 1
        else:
            yield character


@scalar(FAMILY, "mask_card('4111 1111 1111 1111')", "4111 11** **** 1111", column=maskcolumns.card_column)
def mask_card(pan: Any) -> str:
    """First six and last four digits at most, the rest hidden; blanks and dashes stay."""
    value = text(pan, "mask_card", "pan").strip()
    if len(value) == 16 and value.isascii() and value.isdigit():  # nearly all of them
        return f"{value[:6]}******{value[12:]}"
    digits = sum(c.isdigit() for c in value)
    if not 12 <= digits <= 19 or not all(c in "0123456789 -" for c in value):
        raise Refused("mask_card", "pan", "is no card number (12 to 19 digits)")
    return "".join(_hide_digits(value, 6 if digits > 14 else 4, 4, digits))


@scalar(FAMILY, "mask_account('012-345-678901')", "***-***-**8901", column=maskcolumns.account_column)
def mask_account(a: Any, last: Any = 4) -> str:
    """The last characters of an account number, at most half of it; dashes and blanks stay."""
    value = text(a, "mask_account", "a").strip()
    total = sum(c.isalnum() for c in value)
    tail = min(whole(last, "mask_account", "last", 0, 10), total // 2)
    return "".join(_hide_digits(value, 0, tail, total))


@scalar(FAMILY, "mask_address('臺北市信義區市府路45號')", "臺北市信義區***")
def mask_address(a: Any) -> str:
    """Keeps city and district of a Taiwanese address; hides all of any other."""
    found = _TW_ADDRESS.match(text(a, "mask_address", "a").strip())
    return (found[1] if found else "") + _HIDDEN


@scalar(FAMILY, "mask_keep('SN-2026-0099', 3, 2)", "SN-*******99")
def mask_keep(t: Any, l: Any, r: Any, ch: Any = "*") -> str:  # noqa: E741
    """Keeps l characters at the left and r at the right; hides all where that would show the whole."""
    shown = clusters(text(t, "mask_keep", "t"))
    left, right = whole(l, "mask_keep", "l", 0, 1000), whole(r, "mask_keep", "r", 0, 1000)
    mark = text("*" if ch is None else ch, "mask_keep", "ch")[:4]
    if left + right >= len(shown):
        return mark * len(shown)
    return "".join(shown[:left]) + mark * (len(shown) - left - right) + "".join(shown[len(shown) - right :])


@prepared(FAMILY, "pseudonym('A123456789', 'demo')", "YL3LI5ED73C6ZPHR2QFHCLWTOU", value="t")
def pseudonym(job: Context, key_id: Any) -> Callable[[Any], str]:
    """A stable token for a value: HMAC-SHA-256 with the named key, its first 128 bits in base32."""
    start = hmac.new(keys.named(job, key_id, "pseudonym"), digestmod="sha256")

    def token(t: Any) -> str:
        mac = start.copy()
        mac.update(text(t, "pseudonym", "t").encode("utf-8", "surrogatepass"))
        return base64.b32encode(mac.digest()[:16]).decode().rstrip("=")

    return token


@scalar(FAMILY, "mask_birthday('1990-01-31')", "**年01月**日")
def mask_birthday(job: Context, d: Any) -> str:
    """**年01月**日 in Chinese, ****-01-** elsewhere."""
    born = day(d, "mask_birthday", "d")
    return f"**年{born.month:02}月**日" if job.locale.lower().startswith("zh") else f"****-{born.month:02}-**"


SETTINGS["pseudonym"] = partial(keys.unknown, function="pseudonym")
