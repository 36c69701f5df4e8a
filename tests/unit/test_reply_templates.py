"""Reply templates: the same words with other addresses and ids are one, a hostile stream stays small."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from actors.model.readings import MOST_WORDS, WILD, fold
from actors.reputation.templates import MOST_ALIKE, Templates


def test_addresses_numbers_and_ids_are_folded() -> None:
    text = "<joe@a.example>: blocked at 192.0.2.1, see https://mx.example/?id=4f2 (in reply to RCPT) 4D8FZ7k1 deadbeef"
    assert fold(text) == (WILD, "blocked", "at", WILD, "see", WILD, "in", "reply", "to", "rcpt", WILD)


def test_texts_of_one_cause_are_one_template() -> None:
    mined = Templates()
    for n in range(200):
        text = f"[192.0.2.{n}] Zorp policy {n} applies to user{n}@a{n}.example - queue {n * 7919:x}ab"
        policy = mined.add(550, "5.7.1", fold(text))
    for n in range(50):
        other = mined.add(550, "5.7.1", fold(f"Another thing altogether number {n} said by host{n}.mx.example"))
    assert len(mined) == 2
    assert (policy.count, other.count) == (200, 50)
    assert policy.text.startswith(f"{WILD} zorp policy {WILD} applies to {WILD}")


def test_words_that_differ_become_wild_and_codes_are_kept_apart() -> None:
    mined = Templates()
    first = mined.add(450, "4.2.0", fold("mailbox alpha of the east is closed for today"))
    again = mined.add(450, "4.2.0", fold("mailbox beta of the west is closed for today"))
    other = mined.add(550, "4.2.0", fold("mailbox beta of the west is closed for today"))
    assert first is again
    assert again.text == f"mailbox {WILD} of the {WILD} is closed for today"
    assert other is not again
    assert mined.add(450, "4.2.0", fold("mailbox beta of the west is gone away last year")) is not again


def test_the_longest_unseen_goes_first() -> None:
    mined = Templates(most=3)
    texts = [
        fold(t) for t in ("alpha one two three", "beta four five six", "gamma seven eight nine", "delta ten eleven twelve")
    ]
    mined.add(450, "", texts[0], times=9)
    for text in texts:
        mined.add(450, "", text)
        assert len(mined) <= 3
    assert [mined.add(450, "", text).count for text in (*texts[1:], texts[0])] == [2, 2, 2, 1]


WORDS = st.text(alphabet=st.characters(codec="utf-8"), max_size=80)


@given(st.lists(st.tuples(st.integers(0, 3), WORDS), max_size=120))
def test_any_stream_is_counted_whole_and_stays_small(stream: list[tuple[int, str]]) -> None:
    mined = Templates(most=200)
    found = [mined.add(code, "", fold(text)) for code, text in stream]
    assert {t.number: t.count for t in found} == Counter(t.number for t in found)
    assert all(len(t.words) <= MOST_WORDS for t in found)


def test_a_stream_made_to_fill_the_memory_does_not() -> None:
    mined = Templates(most=500)
    letters = "abcdefghijklmnopqrst"
    for n in range(20_000):
        a, b = letters[n % 20], letters[n // 20 % 20]
        mined.add(550, "", fold(f"{a * 3}{b} {b * 4}{a} {a}{b}{a} {b}{b}{a}{n % 97 * 'x'} {a * 5}{b}"))
    assert len(mined) <= min(500, MOST_ALIKE)
