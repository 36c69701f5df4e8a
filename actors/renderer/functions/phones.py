"""Telephone numbers: the country code of an international number (ITU-T E.164) and Taiwan's national form.

Pure text rules; whether a number is in service is not asked.
"""

import re
import unicodedata

# ITU-T E.164: country codes of one and two digits; all others have three.
_ONE = frozenset("17")
_TWO = frozenset(
    map(
        str,
        (
            20,
            27,
            *range(30, 35),
            36,
            39,
            40,
            41,
            *range(43, 50),
            *range(51, 59),
            *range(60, 67),
            81,
            82,
            84,
            86,
            *range(90, 96),
            98,
        ),
    )
)
_EXTENSION = re.compile(r"(?:#|分機|轉|ext\.?|x)\s*(\d{1,6})$", re.IGNORECASE)
# Taiwan's area codes and the digits that follow them, longest code first.
_TW_AREAS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("0826", (5,)),
    ("0836", (5,)),
    ("037", (6,)),
    ("049", (7,)),
    ("082", (6,)),
    ("089", (6,)),
    ("02", (8,)),
    ("03", (7,)),
    ("04", (7, 8)),
    ("05", (7,)),
    ("06", (7,)),
    ("07", (7,)),
    ("08", (7,)),
)


def parts(value: str) -> tuple[str, str, str] | None:
    """Country code ("" for a national number), the digits after it, and the extension; None where it is no number."""
    plain = unicodedata.normalize("NFKC", value).strip()
    extension = ""
    found = _EXTENSION.search(plain)
    if found:
        extension, plain = found[1], plain[: found.start()]
    international = plain.startswith(("+", "00"))
    digits = re.sub(r"[\s().\-/]", "", plain.removeprefix("+") if plain.startswith("+") else plain)
    if not digits.isascii() or not digits.isdigit() or not 5 <= len(digits) <= 17:
        return None
    if not international:
        return "", digits, extension
    digits = digits.removeprefix("00")
    length = 1 if digits[:1] in _ONE else 2 if digits[:2] in _TWO else 3
    return digits[:length], digits[length:], extension


def national_tw(country: str, digits: str) -> str | None:
    """A Taiwanese number in its national digits (0912345678), or None where it is not one."""
    if country == "886":
        digits = "0" + digits.removeprefix("0")
    elif country:
        return None
    elif len(digits) == 9 and digits.startswith("9"):
        digits = "0" + digits  # a list program has taken it for a number and dropped the 0
    return digits if digits.startswith("0") else None


def format_tw(digits: str) -> str | None:
    """0912-345-678, 02-2345-6789, 0800-123-456; None where no rule fits."""
    if digits.startswith("09"):
        return f"{digits[:4]}-{digits[4:7]}-{digits[7:]}" if len(digits) == 10 else None
    if digits.startswith(("0800", "0809")) and len(digits) == 10:
        return f"{digits[:4]}-{digits[4:7]}-{digits[7:]}"
    for area, lengths in _TW_AREAS:
        if digits.startswith(area) and len(digits) - len(area) in lengths:
            local = digits[len(area) :]
            cut = len(local) - 4 if len(local) > 6 else len(local) // 2
            return f"{area}-{local[:cut]}-{local[cut:]}"
    return None
