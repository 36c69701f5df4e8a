"""Days, rates and priorities of a control file."""

import pytest

from actors.intake.sending import rate_of, weekdays


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ([], ()),
        (["mon-fri"], (0, 1, 2, 3, 4)),
        (["Sat", "sun"], (5, 6)),
        (["sat - mon"], (0, 5, 6)),
        (["mon-mon"], (0,)),
        (["wed", "mon-tue", "wed"], (0, 1, 2)),
    ],
)
def test_days(words: list[str], days: tuple[int, ...]) -> None:
    assert weekdays(words) == days


@pytest.mark.parametrize("word", ["", "monday", "1", "mon-", "mon-fri-sun"])
def test_no_day(word: str) -> None:
    with pytest.raises(ValueError, match="is no day"):
        weekdays([word])


@pytest.mark.parametrize(
    ("text", "rate"), [("", 0.0), ("50/s", 50.0), ("7200/h", 2.0), ("0.5 / m", 0.5 / 60), ("86400/D", 1.0)]
)
def test_rates(text: str, rate: float) -> None:
    assert rate_of(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["0/s", "50", "-1/s", "1e3/s", "50/w", "999999999/s", "５/s"])
def test_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="20000/h"):
        rate_of(text)
