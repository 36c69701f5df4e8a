"""Addresses: what is taken, what is refused, and that the domain we choose is the one that every other reader chooses."""

import email_validator
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.intake.addresses import check_addresses
from actors.model.mailbox import check_mailbox

GOOD = {
    "bob@example.test": "bob@example.test",
    "  bob@example.test ": "bob@example.test",
    "Bob.O'Neil+tag@Example.TEST": "Bob.O'Neil+tag@example.test",
    "a!#$%&'*+/=?^_`{|}~-b@x.test": "a!#$%&'*+/=?^_`{|}~-b@x.test",
    "王小明@example.test": "王小明@example.test",
    "bob@bücher.test": "bob@xn--bcher-kva.test",
    "bob@BÜCHER.test": "bob@xn--bcher-kva.test",
    "bob@例子。測試": "bob@xn--fsqu00a.xn--g6w251d",
    "bob@faß.test": "bob@xn--fa-hia.test",
    "bob@xn--bcher-kva.test": "bob@xn--bcher-kva.test",
    '"a@evil.test"@internal.test': '"a@evil.test"@internal.test',
    '"bob"@example.test': "bob@example.test",
    '"b\\"q"@example.test': '"b\\"q"@example.test',
    f"{'a' * 64}@example.test": f"{'a' * 64}@example.test",
    f"b@{'a' * 63}.test": f"b@{'a' * 63}.test",
}

BAD = [
    "",
    " ",
    "bob",
    "@example.test",
    "bob@",
    "bob@localhost",
    "bob@example.test.",
    "bob@.test",
    "bob@example..test",
    ".bob@example.test",
    "bob.@example.test",
    "b..b@example.test",
    "bob@[192.0.2.1]",
    "bob@[IPv6:2001:db8::1]",
    "bob@192.0.2.1",
    "bob@-x.test",
    "bob@x-.test",
    "bob@ab--cd.test",
    "bob@xn--a.test",
    "bob@xn--bcher-kva8.test",
    "bob@under_score.test",
    "bob@exa mple.test",
    "bo b@example.test",
    "bob@@example.test",
    "bob@a.test@b.test",
    "bob(comment)@example.test",
    "bob@(comment)example.test",
    "Bob <bob@example.test>",
    "<bob@example.test>",
    "group:bob@example.test;",
    "@relay.test:bob@example.test",
    "a@example.test,b@example.test",
    "bob@example.test\r\nRCPT TO:<x@evil.test>",
    "bob\r\n@example.test",
    "bob\0@example.test",
    "bob\t@example.test",
    "bob\x7f@example.test",
    "bob\x85@example.test",
    "bob\u2028@example.test",
    "bob\u200b@example.test",
    "bob\u202e@example.test",
    "bob@exam\u200bple.test",
    "bob\u00a0@example.test",
    "bob@a＠b.test",
    '"a@evil.test x"@internal.test',
    '"bob@example.test',
    '"bob"x@example.test',
    '""@example.test',
    '"bob> SIZE=1"@example.test',
    'a"b"@example.test',
    'a"b@c"@example.test',
    "b>@example.test",
    f"{'a' * 65}@example.test",
    f"b@{'a' * 64}.test",
    f"b@{'.'.join(['a' * 60] * 5)}.test",
    "🦊@\ud83c.test".encode("utf-8", "replace").decode(),
]


@pytest.mark.parametrize(("text", "address"), GOOD.items())
def test_a_good_address_is_put_in_wire_form(text: str, address: str) -> None:
    found = check_mailbox(text)
    assert (found.reason, found.address, found.domain) == ("", address, address.rpartition("@")[2])


@pytest.mark.parametrize("text", BAD, ids=ascii)
def test_s4_s5_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    found = check_mailbox(text)
    assert found.reason
    assert found.address == found.domain == ""


def test_columns_decide_as_single_addresses_do() -> None:
    texts = [*GOOD, *BAD, None]
    found = check_addresses(pa.array(texts, pa.string()))
    single = [check_mailbox(t or "") for t in texts]
    assert found.address.to_pylist() == [m.address or None for m in single]
    assert found.domain.to_pylist() == [m.domain or None for m in single]
    assert found.reason.to_pylist() == [m.reason or None for m in single]


PIECES = st.sampled_from(
    [
        "a",
        "b.c",
        ".",
        "..",
        "@",
        '"',
        "\\",
        " ",
        "<",
        ">",
        "(x)",
        ",",
        ";",
        ":",
        "[",
        "]",
        "1",
        "-",
        "--",
        "xn--",
        "é",
        "例",
        "\r\n",
        "\0",
        "A",
        "test",
        "example.test",
        "\u202e",
        "＠",
        "a" * 30,
        "_",
    ]
)


@given(st.lists(st.lists(PIECES, min_size=1, max_size=8).map("".join), min_size=1, max_size=20))
def test_s5_fast_and_slow_paths_never_disagree(texts: list[str]) -> None:
    found = check_addresses(pa.array(texts, pa.string()))
    single = [check_mailbox(t) for t in texts]
    assert found.address.to_pylist() == [m.address or None for m in single]
    assert found.domain.to_pylist() == [m.domain or None for m in single]
    assert found.reason.to_pylist() == [m.reason or None for m in single]


def last_unquoted_at(text: str) -> str:
    """The independent rule: what follows the last @ outside quotes (a backslash inside quotes takes the next character)."""
    quoted = escaped = False
    at = -1
    for i, c in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and c == "\\":
            escaped = True
        elif c == '"':
            quoted = not quoted
        elif c == "@" and not quoted:
            at = i
    return text[at + 1 :]


LOCAL = st.one_of(
    st.text("abcXYZ0189.!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=20),
    st.text('ab@." \\<>()', max_size=12).map(lambda t: f'"{t}"'),
    st.text("ab王é@", min_size=1, max_size=8),
)
DOMAIN = st.one_of(
    st.lists(st.text("abz09-", min_size=1, max_size=8), min_size=1, max_size=4).map(".".join),
    st.sampled_from(["bücher.test", "例子.測試", "a@b.test", "[192.0.2.1]", "x.test.", "evil.test(internal.test)"]),
)


@given(LOCAL, DOMAIN)
def test_s5_the_domain_is_the_one_that_other_readers_find(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    found = check_mailbox(text)
    if found.reason:
        return
    ours = found.domain
    rule = last_unquoted_at(text.strip(" "))
    assert ours == (rule.lower() if rule.isascii() else rule.encode("idna").decode())
    theirs = email_validator.validate_email(
        text.strip(" "), check_deliverability=False, allow_quoted_local=True, test_environment=True, globally_deliverable=False
    )
    assert ours == theirs.ascii_domain


PLAIN_LOCAL = st.lists(st.text("abcXYZ0189!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=10), min_size=1, max_size=3).map(".".join)
PLAIN_DOMAIN = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), min_size=2, max_size=4).map(".".join)


@given(PLAIN_LOCAL, PLAIN_DOMAIN)
def test_every_plain_address_is_taken(local: str, domain: str) -> None:
    assert check_mailbox(f"{local}@{domain}").address == f"{local}@{domain}"


@given(st.text(max_size=30), st.text(max_size=30))
def test_s4_an_accepted_address_cannot_end_a_command(local: str, domain: str) -> None:
    address = check_mailbox(f"{local}@{domain}").address
    assert not set(address) & set("\r\n\0 <>\t\x7f\x85\u2028\u2029")
    assert len(address.encode()) <= 254
