"""Signatures: dkimpy accepts what we sign and nothing else."""

import pickle
import re

import dkim
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.errors import InvalidInput
from actors.model.rendersettings import Identity
from actors.model.spec import AttachmentSpec, ContentSpec
from actors.renderer.message.dkim import OVERSIGNED, VALID_SECONDS, Signer, signers_for
from tests.examples import examples
from tests.fakes.identities import Records, ed25519_identity, rsa_identity
from tests.fakes.mailing import PAGE, Mailing, split
from tests.fakes.snapshot import JOB

CONTENT = ContentSpec(
    "{{ name }} 您的帳單  two  blanks",
    html="body.html",
    unsubscribe="https://bank.test/u?i={{ id }}",
    headers={"X-Campaign": "c {{ id }}", "List-Id": "News <news.bank.test>"},
    attachments=(AttachmentSpec("terms.txt"),),
)
FILES = {"body.html": PAGE, "terms.txt": "Terms\n"}
PLAIN = ContentSpec("Hi {{ name }}", text="body.txt")


def both() -> tuple[list[Identity], Records]:
    found = [ed25519_identity(), rsa_identity()]
    return [identity for identity, _ in found], Records(*found)


def signed(
    content: ContentSpec = CONTENT, names: tuple[str, ...] = ("王小明", "Ann", ""), text: str = "Dear {{ name }}"
) -> list[bytes]:
    identities, _ = both()
    columns = {"name": names, "id": [str(n) for n in range(len(names))]}
    with Mailing(content, {**FILES, "body.txt": text}, columns, identities=identities) as mailing:
        return list(mailing.messages().values())


def verified(data: bytes) -> list[bool]:
    """What dkimpy says of each signature."""
    _, records = both()
    found = dkim.DKIM(data)
    try:
        return [found.verify(idx=n, dnsfunc=records) for n in range(2)]
    except dkim.DKIMException:
        return [False, False]


def test_s26_both_signatures_verify_rsa_first() -> None:
    for data in signed():
        assert verified(data) == [True, True]
        first, second = re.findall(rb"^DKIM-Signature: v=1; a=([\w-]+);", data, re.MULTILINE)
        assert (first, second) == (b"rsa-sha256", b"ed25519-sha256")


@settings(max_examples=examples(25), deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200),
    st.sampled_from(["", "\n", " \n", "\n\n\n", "=", "."]),
)
def test_s26_single_part_bodies_are_their_own_canonical_form(value: str, tail: str) -> None:
    failing = re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", value)
    with Mailing(
        PLAIN, {"body.txt": "{{ name }}" + tail + "{{ name }}"}, {"name": [value, "x", ""]}, identities=both()[0]
    ) as mailing:
        messages = mailing.messages()
    assert (0 not in messages) == bool(failing)
    for data in messages.values():
        assert verified(data) == [True, True]


def test_s23_no_length_tag_and_appending_breaks() -> None:
    for data in signed() + signed(PLAIN):
        assert not re.search(rb"[;\s]l=", data.partition(b"\r\nMessage-ID")[0])
        assert verified(data + b"more\r\n") == [False, False]


@pytest.mark.parametrize("name", OVERSIGNED)
@pytest.mark.parametrize("place", ["first", "last"])
def test_s24_adding_a_field_breaks(name: str, place: str) -> None:
    data = signed()[0]
    added = f"{name.title()}: x@evil.test\r\n".encode()
    head, _, body = data.partition(b"\r\n\r\n")
    forged = added + data if place == "first" else head + b"\r\n" + added + b"\r\n" + body
    assert verified(forged) == [False, False]


@pytest.mark.parametrize(
    "change", [(b"bank.test/u", b"bank.test/v"), (b"To: user", b"To: uses"), (b"X-Campaign: c 0", b"X-Campaign: c 1")]
)
def test_s24_changing_a_signed_field_breaks(change: tuple[bytes, bytes]) -> None:
    data = signed()[0]
    assert change[0] in data
    assert verified(data.replace(*change)) == [False, False]


def test_changes_that_relays_make_do_not_break() -> None:
    data = signed()[0]
    head, _, body = data.partition(b"\r\n\r\n")
    refolded = head.replace(b"\r\nSubject: ", b"\r\nSUBJECT:   ").replace(b"\r\nTo: ", b"\r\nTo:\r\n\t")
    assert refolded != head
    assert verified(b"Received: by relay.test\r\n" + refolded + b"\r\n\r\n" + body + b"\r\n\r\n") == [True, True]


def test_s25_signatures_expire() -> None:
    data = signed()[0]
    for t, x in re.findall(rb"t=(\d+); x=(\d+);", data):
        assert int(x) - int(t) == VALID_SECONDS
    assert len(re.findall(rb" x=\d+;", data)) == 2
    identities, _ = both()
    with Mailing(CONTENT, FILES, {"name": ["a"], "id": ["1"]}, identities=identities) as mailing:
        old = np.array([mailing.stamp - VALID_SECONDS - 12 * 3600])  # dkimpy allows clocks to be 10 hours wrong
        (data,) = split(mailing.renderer.render(JOB, 0, np.array([0]), old)).values()
    assert verified(data) == [False, False]


def test_a_domain_without_identity_is_not_signed() -> None:
    identity, _ = rsa_identity("other.test")
    with Mailing(CONTENT, FILES, {"name": ["a"], "id": ["1"]}, identities=[identity]) as mailing:
        assert b"DKIM-Signature" not in mailing.messages()[0]


def test_s26_weak_and_odd_keys_are_refused() -> None:
    with pytest.raises(InvalidInput, match="1024 bits"):
        Signer(rsa_identity(selector="weak", bits=1024)[0])
    with pytest.raises(InvalidInput, match="PEM"):
        Signer(Identity("bank.test", "s", b"nonsense"))
    identity, _ = ed25519_identity()
    with pytest.raises(InvalidInput, match="ed25519"):
        Signer(Identity("bank.test", "s", identity.key_pem, "rsa"))


@pytest.mark.parametrize(("domain", "selector"), [("b.test", "s;x"), ("b.test", "s\r\nX: y"), ("b nk", "s"), ("b.test", "")])
def test_identities_that_would_break_the_field(domain: str, selector: str) -> None:
    with pytest.raises(InvalidInput, match="no valid"):
        Signer(Identity(domain, selector, rsa_identity()[0].key_pem))


def test_international_domains_sign_in_ascii() -> None:
    assert Signer(Identity("銀行.test", "s1", rsa_identity()[0].key_pem)).domain == "銀行.test".encode("idna").decode()


def test_s35_keys_show_nowhere() -> None:
    identity, _ = rsa_identity()
    secret = identity.key_pem.decode().splitlines()[1]
    assert secret not in repr(identity)
    assert secret not in str(signers_for([identity]))
    with pytest.raises(InvalidInput) as raised:
        Signer(Identity("bank.test", "s", identity.key_pem[:-40]))
    assert secret not in str(raised.value)
    assert pickle.loads(pickle.dumps(identity)) == identity
