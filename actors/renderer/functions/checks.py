"""Checks: whether a value has the form, and the check digit, of what it should be. Nobody is asked whether it exists.

All but `email_domain` answer yes or no for any text. Blanks around a value do not count.
"""

import re
from typing import Any

from actors.model.mailbox import ATEXT, MAX_ADDRESS_OCTETS, MAX_LOCAL_OCTETS, check_mailbox
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import text
from actors.renderer.functions.registry import scalar

FAMILY = "Checks"
_LABEL = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
# Nearly all addresses; the full rules decide on the others.
_PLAIN = re.compile(rf"(?=[^@]{{1,{MAX_LOCAL_OCTETS}}}@)[{ATEXT}]+(?:\.[{ATEXT}]+)*@((?:{_LABEL}\.)+[A-Za-z]{{2,63}})")
# The letters as two digits each, in the order of the Ministry of the Interior.
_LETTERS = {letter: 10 + place for place, letter in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO")}
_TW_ID = re.compile(r"[A-Z][1289A-D][0-9]{8}")
_TW_WEIGHTS = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
_TAX_WEIGHTS = (1, 2, 1, 2, 1, 2, 4, 1)
_TAX_ID = re.compile(r"[0-9]{8}")
_CARD = re.compile(r"[0-9](?:[ -]?[0-9]){11,18}")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _domain(value: str) -> str:
    """The domain of an address in lower-case ASCII, or nothing. For the addresses that need no closer look."""
    found = _PLAIN.fullmatch(value) if len(value) <= MAX_ADDRESS_OCTETS else None
    if found is None or (len(found[1]) > 63 and max(map(len, found[1].split("."))) > 63):
        return ""
    return found[1].lower()


@scalar(FAMILY, "is_email('service@demo.com')", "True")
def is_email(t: Any, eai: Any = False) -> bool:
    """Whether t is one mail address, by the rules of the list. With eai it may have letters outside ASCII before the @."""
    value = text(t, "is_email", "t").strip()
    if _domain(value):
        return True
    address = _address(value)
    return bool(address) and (bool(eai) or address.isascii())


def _address(value: str) -> str:
    if len(value) > 4 * MAX_ADDRESS_OCTETS:
        return ""
    return check_mailbox(value).address


@scalar(FAMILY, "email_domain('王@中文.Demo.com')", "xn--fiq228c.demo.com")
def email_domain(e: Any) -> str:
    """The domain of a mail address in lower-case ASCII (IDNA 2008)."""
    value = text(e, "email_domain", "e").strip()
    domain = _domain(value) or _address(value).rpartition("@")[2]
    if not domain:
        raise Refused("email_domain", "e", "is no mail address")
    return domain


@scalar(FAMILY, "is_tw_id('A123456789')", "True")
def is_tw_id(t: Any) -> bool:
    """Whether t is a national ID or a resident ID of Taiwan (A812345678, or A and C with a second letter as before 2021), by
    its check digit."""
    value = text(t, "is_tw_id", "t").strip()
    if not value.isascii() or not _TW_ID.fullmatch(value := value.upper()):
        return False
    first = _LETTERS[value[0]]
    second = _LETTERS[value[1]] % 10 if value[1].isalpha() else int(value[1])
    digits = (first // 10, first % 10, second, *map(int, value[2:]))
    return sum(d * w for d, w in zip(digits, _TW_WEIGHTS, strict=True)) % 10 == 0


@scalar(FAMILY, "is_tax_id_tw('04595257')", "True")
def is_tax_id_tw(t: Any) -> bool:
    """Whether t is a 統一編號 by its check digit: the rule of April 2023 (divisible by 5), which all older numbers keep too."""
    value = text(t, "is_tax_id_tw", "t").strip()
    if not _TAX_ID.fullmatch(value) or value == "00000000":
        return False
    products = [int(digit) * weight for digit, weight in zip(value, _TAX_WEIGHTS, strict=True)]
    total = sum(product // 10 + product % 10 for product in products)
    # 7 times 4 is 28, whose digits give 10: that counts as 1 or as 0.
    return total % 5 == 0 or (value[6] == "7" and (total + 1) % 5 == 0)


@scalar(FAMILY, "luhn_ok('4111 1111 1111 1111')", "True")
def luhn_ok(t: Any) -> bool:
    """Whether t is a card number by its check digit (ISO/IEC 7812-1): 12 to 19 digits; blanks and dashes may be between."""
    value = text(t, "luhn_ok", "t").strip()
    if not value.isascii() or not _CARD.fullmatch(value):
        return False
    digits = [int(c) for c in value if c.isdigit()]
    return (sum(digits[-1::-2]) + sum(_DOUBLED[d] for d in digits[-2::-2])) % 10 == 0
