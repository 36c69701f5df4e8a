"""Which kinds of value functions may take, for the arguments that surely refuse the others whatever the rest of the call is.

A kind is the type of a list column: int, float, decimal, text, bool, date, timestamp. An argument that is left out here may
take anything. What stands here was measured, and tests/unit/test_template_kinds.py measures it again.
"""

from typing import Final

Kinds = frozenset[str]

_WHOLE: Final = frozenset(("int",))
_WORD: Final = frozenset(("text",))
_NUMBER: Final = frozenset(("int", "float", "decimal"))
_TEXT: Final = frozenset(("text", "int"))  # a whole number counts as its digits
_DAY: Final = frozenset(("date", "timestamp", "text"))  # dates are taken as ISO text, too
_MOMENT: Final = frozenset(("timestamp", "text"))


def _words(text: str) -> list[str]:
    return text.split()


# By function and parameter.
ARGUMENT_KINDS: Final[dict[str, dict[str, Kinds]]] = {
    "ab_split": {"key": _TEXT},
    "age": {"birth": _DAY, "on": _DAY},
    "band": {"x": _NUMBER},
    "barcode": {"h": _WHOLE},  # its text may be a list of texts
    "base64url": {"t": _TEXT},
    "birthday_in": {"birth": _DAY, "days": _WHOLE},
    "ceil": {"x": _NUMBER, "step": _NUMBER},
    "char_count": {"t": _TEXT},
    "clamp": {"x": _NUMBER, "lo": _NUMBER, "hi": _NUMBER},
    "contains": {"t": _TEXT, "s": _TEXT},
    "crc32": {"t": _TEXT},
    "date_add": {"d": _DAY, "n": _WHOLE, "unit": _WORD},
    "date_diff": {"a": _DAY, "b": _DAY, "unit": _WORD},
    "date_part": {"d": _DAY, "unit": _WORD},
    "days_until": {"d": _DAY},
    "email_domain": {"e": _WORD},
    "encrypt_field": {"t": _TEXT, "key_id": _WORD},
    "end_of": {"d": _DAY, "unit": _WORD},
    "ends_with": {"t": _TEXT, "s": _TEXT},
    "floor": {"x": _NUMBER, "step": _NUMBER},
    "fmt_bytes": {"n": _NUMBER},
    "fmt_compact": {"x": _NUMBER, "locale": _WORD},
    "fmt_currency": {"x": _NUMBER, "cur": _WORD, "locale": _WORD},
    "fmt_date": {"d": _DAY, "pattern": _TEXT, "locale": _WORD},
    "fmt_number": {"x": _NUMBER, "pattern": _TEXT, "locale": _WORD},
    "fmt_ordinal": {"n": _WHOLE, "locale": _WORD},
    "fmt_percent": {"x": _NUMBER, "n": _WHOLE, "locale": _WORD},
    "fmt_phone": {"country": _WORD},
    "hmac_sha256": {"t": _TEXT, "key_id": _WORD},
    "img_attach": {"name": _TEXT},
    "index_of": {"t": _TEXT, "sub": _TEXT},
    "is_email": {"t": _TEXT},
    "is_tax_id_tw": {"t": _TEXT},
    "is_tw_id": {"t": _TEXT},
    "json_get": {"t": _TEXT, "path": _TEXT},
    "left": {"t": _TEXT, "n": _WHOLE},
    "linkify": {"t": _TEXT},
    "list_join": {"sep": _TEXT, "last": _TEXT},
    "log10": {"x": _NUMBER},
    "lookup_rows": {"limit": _WHOLE},
    "luhn_ok": {"t": _TEXT},
    "lunar_date": {"d": _DAY},
    "mask_account": {"a": _TEXT, "last": _WHOLE},
    "mask_address": {"a": _TEXT},
    "mask_birthday": {"d": _DAY},
    "mask_email": {"e": _WORD},
    "mask_id_tw": {"id": _WORD},
    "mask_keep": {"t": _TEXT, "l": _WHOLE, "r": _WHOLE, "ch": _TEXT},
    "mask_name": {"n": _TEXT, "ch": _TEXT},
    "mask_phone": {"p": _TEXT, "keep": _WHOLE},
    "mid": {"t": _TEXT, "start": _WHOLE, "n": _WHOLE},
    "mod": {"a": _NUMBER, "b": _NUMBER},
    "nearest": {"n": _WHOLE},
    "nl2br": {"t": _TEXT},
    "now": {"tz": _WORD},
    "pad_left": {"t": _TEXT, "n": _WHOLE, "ch": _TEXT},
    "pct_change": {"old": _NUMBER, "new": _NUMBER, "n": _WHOLE},
    "pdf_attach": {"template_or_file": _TEXT, "password": _TEXT, "name": _TEXT},
    "percent_of": {"a": _NUMBER, "total": _NUMBER, "n": _WHOLE},
    "pluralize": {"n": _NUMBER},
    "power": {"x": _NUMBER, "y": _NUMBER},
    "pseudonym": {"t": _TEXT, "key_id": _WORD},
    "qr": {"text": _TEXT},
    "random_int": {"key": _TEXT, "lo": _WHOLE, "hi": _WHOLE},
    "regex_extract": {"t": _TEXT, "re": _TEXT, "g": _WHOLE},
    "regex_replace": {"t": _TEXT, "re": _TEXT, "r": _TEXT},
    "replace_any": {"t": _TEXT, "b": _TEXT},
    "right": {"n": _WHOLE},
    "roc_date": {"d": _DAY},
    "roc_year": {"d": _DAY},
    "round_half_even": {"x": _NUMBER, "n": _WHOLE},
    "round_half_up": {"x": _NUMBER, "n": _WHOLE},
    "safe_div": {"a": _NUMBER, "b": _NUMBER},
    "salutation": {"name": _TEXT, "gender": _TEXT, "lang": _TEXT},
    "sha256": {"t": _TEXT},
    "sign": {"x": _NUMBER},
    "sign_url": {"u": _WORD, "ttl": _WHOLE, "key_id": _WORD},
    "simp_trad": {"t": _TEXT},
    "split_part": {"t": _TEXT, "sep": _TEXT, "n": _WHOLE},
    "sqrt": {"x": _NUMBER},
    "squish": {"t": _TEXT},
    "start_of": {"d": _DAY, "unit": _WORD},
    "starts_with": {"t": _TEXT, "s": _TEXT},
    "strip_html": {"t": _TEXT},
    "surname": {"name": _TEXT},
    "tier_sum": {"x": _NUMBER},
    "title_case": {"t": _TEXT},
    "to_fullwidth": {"t": _TEXT},
    "to_halfwidth": {"t": _TEXT},
    "to_tz": {"ts": _MOMENT, "tz": _WORD},
    "today": {"tz": _WORD},
    "trunc": {"x": _NUMBER, "n": _WHOLE},
    "truncate_chars": {"t": _TEXT, "n": _WHOLE},
    "truncate_width": {"t": _TEXT, "cols": _WHOLE, "suffix": _TEXT},
    "url_encode": {"t": _TEXT},
    "utm": {"u": _WORD},
    "uuid_for": {"key": _TEXT},
    "weekday_name": {"d": _DAY, "locale": _WORD},
    "workday_add": {"d": _DAY, "n": _WHOLE},
    "zh_money_upper": {"x": _NUMBER},
    "zh_number": {"x": _NUMBER},
    "zodiac_tw": {"d": _DAY},
}

_BOOL: Final = frozenset(("bool",))
_DATE: Final = frozenset(("date",))
_ROWS: Final = frozenset(("list",))

# What functions give for arguments that are not null; those that are left out may give anything, or null.
RESULT_KINDS: Final[dict[str, Kinds]] = {
    **dict.fromkeys(_words("age char_count crc32 days_until"), _WHOLE),
    **dict.fromkeys(_words("ceil clamp floor power round_half_even round_half_up trunc"), _NUMBER),
    **dict.fromkeys(
        ["fmt_bytes", "fmt_compact", "fmt_currency", "fmt_date", "fmt_number", "fmt_ordinal", "fmt_percent"], _WORD
    ),
    **dict.fromkeys(
        ["base64url", "left", "pad_left", "right", "sha256", "squish", "strip_html", "title_case", "zh_number"], _WORD
    ),
    **dict.fromkeys(_words("contains ends_with is_email is_null is_empty luhn_ok starts_with"), _BOOL),
    **dict.fromkeys(_words("end_of start_of today workday_add"), _DATE),
    **dict.fromkeys(_words("lookup_rows nearest"), _ROWS),
    "now": frozenset(("timestamp",)),
    "date_add": frozenset(("date", "timestamp")),
}
