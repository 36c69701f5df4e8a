"""The table of enhanced codes against the registry's list, and the files of phrases."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model import phrases
from actors.model.delivery import Reply
from actors.model.enhanced import REGISTRY, status_of
from actors.model.errors import InvalidInput
from actors.model.reasons import REASONS, Reason
from actors.model.replies import judge
from actors.model.states import Blame, Stage, Verdict

# https://www.iana.org/assignments/smtp-enhanced-status-codes/, "Enumerated Status Codes" as of 2024-12-06: how many details a
# subject has; every one from 0 up is registered.
REGISTERED = {0: 1, 1: 11, 2: 5, 3: 7, 4: 8, 5: 7, 6: 11, 7: 31}
SOURCES = {"RFC 3463", "RFC 3886", "RFC 4468", "RFC 4865", "RFC 4954", "RFC 5248", "RFC 6531", "RFC 6710"} | {
    "RFC 7293",
    "RFC 7372",
    "RFC 7505",
    "RFC 8617",
    "RFC 8689",
}


def test_the_table_has_exactly_the_registered_codes() -> None:
    assert set(REGISTRY) == {f"{subject}.{detail}" for subject, most in REGISTERED.items() for detail in range(most)}
    assert {s.source for s in REGISTRY.values()} == SOURCES
    assert len({s.summary for s in REGISTRY.values()}) == len(REGISTRY)


def test_each_entry_has_a_reason_of_its_blame() -> None:
    for code, status in REGISTRY.items():
        assert status.reason in REASONS[status.blame], code
        if status.late:
            assert status.late[1] in REASONS[status.late[0]], code


def test_only_a_word_about_the_mailbox_is_final_for_a_recipient() -> None:
    """Full, undefined and list problems pass; what is final names an address, a mailbox or an owner."""
    final = {code for code, s in REGISTRY.items() if s.final and s.blame is Blame.RECIPIENT}
    assert final == {"1.0", "1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "2.1", "7.13", "7.17", "7.18"}


@pytest.mark.parametrize("number", ["1.77", "2.99", "3.50", "4.316", "5.250", "7.750", "9.1", "0.9"])
def test_a_code_that_nobody_registered_kills_nobody(number: str) -> None:
    found = judge(Stage.RCPT, Reply(550, "xyzzy", f"5.{number}"))
    assert found.verdict is Verdict.DEFERRED
    assert status_of("5.9.1") is None


def test_every_phrase_names_where_it_was_read() -> None:
    for phrase in (*phrases.receivers(), *phrases.general()):
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", phrase.date), phrase
        assert len(phrase.source) > 10, phrase
        assert phrase.meaning, phrase
        assert phrase.reason in REASONS[phrase.blame], phrase


BROKEN = [
    ("provider = 1 =", "no valid TOML"),
    ('[[phrase]]\nsays = ["x"]\nblame = "egress"', "missing keys"),
    ('meaning="m"\nprovider="p"\nsource="s"\ndate=2026-01-01\n[[phrase]]\nblame="egress"', "says, pattern or enhanced"),
    ('meaning="m"\nprovider="p"\nsource="s"\ndate=2026-01-01\n[[phrase]]\nblame="egress"\nsays=["X"]', "lower case"),
    (
        'meaning="m"\nprovider="p"\nsource="s"\ndate=2026-01-01\n[[phrase]]\nblame="egress"\nsays=["x"]\nreason="full"',
        "no reason",
    ),
    ('meaning="m"\nprovider="p"\nsource="s"\ndate=2026-01-01\n[[phrase]]\nblame="nobody"\nsays=["x"]', "nobody"),
    ('meaning="m"\nprovider="p"\nsource="s"\ndate=2026-01-01\n[[phrase]]\nblame="egress"\npattern="("', "phrase 1"),
    ('meaning="m"\nprovider="p"\nsource="s"\ndate=2026-01-01\n[[phrase]]\nblame="egress"\nsays=["x"]\nwords=1', "unknown keys"),
]


@pytest.mark.parametrize(("text", "told"), BROKEN)
def test_a_broken_file_is_named(text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=r"acme\.toml") as caught:
        phrases.read("acme.toml", text)
    assert told in str(caught.value)


TEXTS = st.one_of(
    st.text(max_size=500), st.lists(st.sampled_from([w for p in phrases.general() for w in p.says]), max_size=5).map(" ".join)
)


@given(st.sampled_from(list(Stage)), st.integers(0, 599), st.integers(0, 9), st.integers(0, 999), TEXTS)
def test_whatever_is_said_the_rules_hold(stage: Stage, code: int, subject: int, detail: int, text: str) -> None:
    enhanced = f"{code // 100}.{subject}.{detail}" if detail % 3 else ""
    verdict, blame, reason = judge(stage, Reply(code, text, enhanced))
    assert reason in REASONS[blame]
    if 400 <= code < 500 or code == 0:
        assert verdict is Verdict.DEFERRED
    if verdict is Verdict.REFUSED and blame is Blame.RECIPIENT:
        assert code >= 500
        assert reason is not Reason.FULL
        assert stage in (Stage.RCPT, Stage.RESOLVE, Stage.DATA, Stage.DOT)
