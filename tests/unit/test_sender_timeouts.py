"""The time limits of a delivery: the config has each of them, with the sender's own defaults."""

from dataclasses import asdict

import pytest
from pydantic import ValidationError

from actors.sender.connect import TimeLimits
from cluster.config import TimeoutsConfig


def test_the_config_has_each_limit_and_the_same_defaults() -> None:
    assert TimeoutsConfig().model_dump() == asdict(TimeLimits())


def test_the_defaults_are_those_of_rfc_5321() -> None:
    limits = TimeLimits()
    assert (limits.greeting, limits.mail, limits.rcpt, limits.data, limits.block, limits.dot) == (300, 300, 300, 120, 180, 600)


@pytest.mark.parametrize("value", [0, -1, 4000])
def test_a_limit_is_a_time(value: float) -> None:
    with pytest.raises(ValidationError, match="dot"):
        TimeoutsConfig(dot=value)
