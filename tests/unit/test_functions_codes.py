"""Checks, hashes and links against the standard library, published samples and naive references; hostile values in URLs."""

import base64
import hashlib
import hmac
import re
import string
import uuid
import zlib
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.mailbox import check_mailbox
from tests.examples import examples
from tests.unit.texts import KEYS, alike, reasons, shown, texts

few = settings(max_examples=examples(40), deadline=None)
rows = st.lists(texts | st.none(), min_size=1, max_size=8)


@few
@given(rows)
def test_hashes(x: list[str | None]) -> None:
    alike("sha256(x)", lambda t: hashlib.sha256(t.encode()).hexdigest(), x=x)
    alike("x | hmac_sha256('demo')", lambda t: hmac.new(KEYS["demo"], t.encode(), "sha256").hexdigest(), x=x)
    alike("base64url(x)", lambda t: base64.urlsafe_b64encode(t.encode()).decode().replace("=", ""), x=x)
    alike("url_encode(x)", lambda t: quote(t, safe=""), x=x)
    alike("crc32(x)", lambda t: zlib.crc32(t.encode()), x=x)
    alike("uuid_for('url', x)", lambda t: uuid.uuid5(uuid.NAMESPACE_URL, t), x=x)
    alike("uuid_for('6BA7B810-9DAD-11D1-80B4-00C04FD430C8', x)", lambda t: uuid.uuid5(uuid.NAMESPACE_DNS, t), x=x)


def test_published_vectors() -> None:
    # FIPS 180-4 and RFC 4648; RFC 9562 appendix A.4; the check value of CRC-32.
    assert shown("sha256('')", x=["a"]) == ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
    assert shown("base64url(x)", x=["f", "fo", "foo", "???>"]) == ["Zg", "Zm8", "Zm9v", "Pz8_Pg"]
    assert shown("uuid_for('dns', 'www.example.com')", x=["a"]) == ["2ed6657d-e927-568b-95e1-2665a8aea6a2"]
    assert shown("crc32(x)", x=["123456789", ""]) == [str(0xCBF43926), "0"]
    assert shown("hmac_sha256(n, 'demo')", n=[7]) == [hmac.new(b"demo key", b"7", "sha256").hexdigest()]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("hmac_sha256('a', x)", "hmac_sha256: key_id names no key"),
        ("encrypt_field('a', x)", "encrypt_field: key_id names no key"),
        ("sign_url('https://a.test', 60, x)", "sign_url: key_id names no key"),
        ("sign_url(x, 60, 'demo')", "sign_url: u is no http or https URL"),
        ("sign_url('https://a.test/?exp=1', 60, 'demo')", "sign_url: u has a parameter exp or sig already"),
        ("sign_url('https://a.test/?a=1&%73ig=1', 60, 'demo')", "sign_url: u has a parameter exp or sig already"),
        ("sign_url('https://a.test', 0, 'demo')", "sign_url: ttl is no whole number"),
        ("uuid_for(x, 'a')", "uuid_for: ns is neither"),
        ("email_domain(x)", "email_domain: e is no mail address"),
        ("add_query('https://a.test', x)", "add_query: pairs must be a name and a value each"),
        ("add_query('https://a.test', '', x)", "add_query: pairs must be a name and a value each"),
        ("add_query('https://a.test', 'a', x * 5000)", "add_query: u becomes longer"),
        ("sha256('\\ud800' ~ x)", "sha256: t has a character that is none"),
        ("sha256([x])", "sha256: t is no text"),
    ],
)
def test_what_cannot_be_taken_ends_the_row_with_the_reason(source: str, reason: str) -> None:
    assert shown(source, x=["secret"]) == [None]
    (found,) = reasons(source, x=["secret"])
    assert found.startswith(f"t line 1: {reason}")
    assert "secret" not in found
    assert "demo key" not in found


def tw_ids(first: str, second: str) -> list[str]:
    return [f"{first}{second}{n:07d}{digit}" for n in (0, 1234567, 9999999) for digit in range(10)]


def tw_reference(value: str) -> bool:
    """The Ministry's rule, with its table written out."""
    table = re.findall(
        "[A-Z][0-9]{2}",
        "A10 B11 C12 D13 E14 F15 G16 H17 I34 J18 K19 L20 M21 N22 O35 P23 Q24 R25 S26 T27 U28 V29 W32 X30 Y31 Z33",
    )
    codes = {entry[0]: entry[1:] for entry in table}
    value = value.strip().upper()
    if not re.fullmatch("[A-Z][1289ABCD][0-9]{8}", value):
        return False
    digits = codes[value[0]] + codes.get(value[1], value[1])[-1] + value[2:]
    return sum(int(d) * w for d, w in zip(digits, [1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1], strict=True)) % 10 == 0


def test_is_tw_id() -> None:
    x = [i for first in string.ascii_uppercase for second in "1289ABCD0E"[:: 1 + (first > "B")] for i in tw_ids(first, second)]
    alike("is_tw_id(x)", tw_reference, x=x)
    for second in "1289ABCD":
        # One check digit holds for each number, and a wrong letter breaks it.
        assert shown("is_tw_id(x)", x=tw_ids("A", second)).count("True") == 3
    published = re.findall(
        "[A-Z0-9]{10}", "A123456789 A800000014 AB00207171 AC03095424 BD01300667 CC00151114 HD02181288 AD30196818 F131104093"
    )
    assert set(shown("is_tw_id(x)", x=published)) == {"True"}
    odd = [
        "a123456789",
        " A123456789 ",
        "A12345678",
        "A1234567890",
        "A32345678９",
        "Ａ123456789",
        "ı123456789",
        "",
        "A323456789",
        None,
    ]
    assert shown("is_tw_id(x)", x=odd) == ["True", "True", *["False"] * 7, ""]


def test_is_tax_id_tw() -> None:
    def reference(value: str) -> bool:
        """The rule of the Ministry of Finance of April 2023, in its own steps."""
        sums = [0]
        for place, (digit, weight) in enumerate(zip(value, "12121241", strict=True)):
            product = f"{int(digit) * int(weight):02d}"
            choices = {int(product[0]) + int(product[1])}
            if place == 6 and digit == "7":
                choices = {0, 1}  # 28: 2 + 8 = 10, of which either digit counts
            sums = [total + choice for total in sums for choice in choices]
        return any(total % 5 == 0 for total in sums)

    x = [f"{n:08d}" for n in [*range(1, 99_999_999, 33_331), *range(10_458_500, 10_458_600)]]
    alike("is_tax_id_tw(x)", reference, x=x)
    # Valid before 2023 (divisible by 10), valid only since, and valid by the seventh digit.
    assert shown("is_tax_id_tw(x)", x=["04595257", "12345675", "12345676", "10458574", "10458575"]) == ["True"] * 5
    odd = ["00000000", "4595257", "0459525７", "045952571", "", " 04595257 ", None]
    assert shown("is_tax_id_tw(x)", x=odd) == [*["False"] * 5, "True", ""]


@few
@given(st.lists(st.text("0123456789", max_size=20) | st.text("0123456789 -", max_size=24), min_size=1, max_size=20))
def test_luhn_ok(x: list[str]) -> None:
    def reference(value: str) -> bool:
        digits = re.sub("[ -]", "", value)
        total = 0
        for place, digit in enumerate(digits[::-1]):
            total += int(digit) if place % 2 == 0 else sum(map(int, str(2 * int(digit))))
        return 12 <= len(digits) <= 19 and not re.search("[ -]{2}|^-|-$", value.strip()) and total % 10 == 0

    complete = [f"{v}{d}" for v in x for d in range(10)]
    alike("luhn_ok(x)", reference, x=x + complete)
    assert shown("luhn_ok(n)", n=[4111111111111111, 4111111111111112, None]) == ["True", "False", ""]
    assert shown("luhn_ok(x)", x=["٤١١١١١١١١١١١١١١١", "4111--1111-1111-1111", "0"]) == ["False"] * 3


addresses = st.lists(st.sampled_from([*'ab.@-_+"\\ ()<>,王é\n\0', "demo", "com", "xn--", "xn--fiq228c"]), max_size=8).map(
    "".join
)


@few
@given(st.lists(addresses | st.emails() | texts, min_size=1, max_size=10))
def test_addresses_are_what_the_list_takes(x: list[str]) -> None:
    alike("is_email(x, eai=true)", lambda t: bool(check_mailbox(t.strip()).address), x=x)
    alike("is_email(x)", lambda t: bool(a := check_mailbox(t.strip()).address) and a.isascii(), x=x)
    known: dict[str, Any] = {t: check_mailbox(t.strip()).domain for t in x}

    def domain(t: str) -> str:
        assert known[t]
        return str(known[t])

    alike("email_domain(x)", domain, x=x)


@few
@given(st.from_regex(r"[a-z.]{1,4}@[a-z-]{1,5}\.[a-z]{2,3}", fullmatch=True))
def test_plain_addresses_are_what_another_library_takes(address: str) -> None:
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
        valid = True
    except EmailNotValidError as error:
        if "special-use" in str(error):
            return
        valid = False
    assert shown("is_email(x)", x=[address]) == [str(valid)]


def test_lengths_and_names_of_addresses() -> None:
    x = [
        "a" * 64 + "@a.test",
        "a" * 65 + "@a.test",
        f"a@{'b' * 63}.test",
        f"a@{'b' * 64}.test",
        "a@" + "b." * 130 + "test",
        None,
    ]
    assert shown("is_email(x)", x=x) == ["True", "False", "True", "False", "False", ""]
    assert shown("email_domain(x)", x=["王@中文.Demo.COM", "A@BÜCHER.example", None]) == [
        "xn--fiq228c.demo.com",
        "xn--bcher-kva.example",
        "",
    ]
    assert shown("is_email(x)", x=["王@a.test", "a@中文.test"]) == ["False", "True"]


names = st.sampled_from(["a", "b", "a b", "ü", "&=", "#", "\r\nX: y", "a%20b"])
pieces = st.sampled_from(["a=1", "b=", "c", "a=2&a=3", "a+b=1", "%C3%BC=1", "=x", "x=%zz"])


@few
@given(st.lists(pieces, max_size=3), st.sampled_from(["", "#", "#top?x=1"]), names, texts, names, texts)
def test_add_query(given: list[str], fragment: str, k1: str, v1: str, k2: str, v2: str) -> None:
    query = "&".join(given)
    url = f"https://demo.com/p{'?' if query else ''}{query}{fragment}"
    before = parse_qsl(query, keep_blank_values=True)
    pairs = {k1: v1, k2: v2}
    expected: list[tuple[str, str]] = []
    for name, value in before:
        if name not in pairs:
            expected.append((name, value))
        elif name not in dict(expected):
            expected.append((name, pairs[name]))
    expected += [(name, value) for name, value in pairs.items() if name not in dict(before)]
    k1, k2 = (k.replace("\r", "\\r").replace("\n", "\\n") for k in (k1, k2))
    (found,) = shown(f"add_query('{url}', '{k1}', x, '{k2}', y)", x=[v1], y=[v2])
    assert found is not None
    assert re.fullmatch(r"[!-~]+", found)
    assert urlsplit(found).fragment == fragment[1:]
    assert parse_qsl(urlsplit(found).query, keep_blank_values=True) == expected


def test_add_query_and_utm() -> None:
    assert shown("add_query(x, 'n', n)", x=["https://a.test/?n=1", "http://A.test:80#f", None], n=[None, 2, 3]) == [
        "https://a.test/?n=1",
        "http://a.test:80?n=2#f",
        "",
    ]
    assert shown("utm(x, 'a', none, 'b c')", x=["https://a.test/?utm_source=old&x=1"]) == [
        "https://a.test/?utm_source=a&x=1&utm_campaign=b%20c"
    ]


HOSTILE = {
    "https://a.test/\r\nBcc: x@y.test": "https://a.test/%0D%0ABcc:%20x@y.test?q=1",
    "https://a.test/?a=\r\n\r\n<script>": "https://a.test/?a=%0D%0A%0D%0A%3Cscript%3E&q=1",
    "https://a.test/\"onclick='x'>": "https://a.test/%22onclick='x'%3E?q=1",
    "https://a.test/鴻 雁?鴻=雁": "https://a.test/%E9%B4%BB%20%E9%9B%81?%E9%B4%BB=%E9%9B%81&q=1",
    "https://a.test/%zz%41": "https://a.test/%25zz%41?q=1",
    "https://中文.test/": "https://xn--fiq228c.test/?q=1",
    " HTTPS://A.Test/x\n": "https://a.test/x?q=1",
    "https://[2001:DB8::1]:8443/": "https://[2001:db8::1]:8443/?q=1",
    "https://192.0.2.7/": "https://192.0.2.7/?q=1",
    "http://intranet/x": "http://intranet/x?q=1",
    "https://a.test\0/": None,
    "https://a.te\r\nst/": None,
    "https://good.test\\@evil.test/": None,
    "https://user:pass@a.test/": None,
    "https://a.test@evil.test/": None,
    "javascript:alert(1)//https://a.test": None,
    "JAVASCRIPT://a.test/%0Aalert(1)": None,
    "data:text/html,x": None,
    "//a.test/": None,
    "/path": None,
    "https:/a.test": None,
    "https://": None,
    "https://?q": None,
    "https://1/": None,
    "https://256.1.1.1/": None,
    "https://0x7f.1/": None,
    "https://a..b/": None,
    "https://-a.test/": None,
    "https://[::1/": None,
    "https://a.test:99999/": None,
    "https://a.test/" + "x" * 8000: None,
    "": None,
}


def test_s11_hostile_values_stay_within_their_url() -> None:
    for source in ("add_query(x, 'q', 1)", "x | add_query('q', '1')"):
        assert shown(source, x=list(HOSTILE)) == list(HOSTILE.values())
    assert shown("url_encode(x)", x=["\r\nBcc: a", '"><script>', "../..", "a\0"]) == [
        "%0D%0ABcc%3A%20a",
        "%22%3E%3Cscript%3E",
        "..%2F..",
        "a%00",
    ]
    for source in ("utm(x, x, x, x)", "sign_url(x, 60, 'demo')"):
        for found, url in zip(shown(source, x=list(HOSTILE)), HOSTILE.values(), strict=True):
            assert (found is None) == (url is None)
            assert found is None or re.fullmatch(r"[!#-;=?-~]+", found)
