"""Every error of ours survives a trip through another process, with its fields and its words."""

import pickle
from typing import Any

import pytest

import actors.model.errors as errors
from actors.model.errors import HongyanError, InvalidInput, Problem

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "HongyanError": (),
    "InvalidInput": ((Problem("list.csv", "no @", 7, "email"), Problem("job.yaml", "unknown key")),),
    "NotFound": ("job", "01X"),
    "Conflict": ("job 01X", "it is done"),
    "Fenced": ("127.0.0.2", 3, 4),
    "Unavailable": ("ledger", "disk full"),
    "BrokenPromise": ("job/7 is not open",),
    "Unauthenticated": ("no key",),
}
CLASSES = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, HongyanError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_comes_back_as_itself(kind: type[HongyanError]) -> None:
    made = kind(*ARGUMENTS[kind.__name__])
    back = pickle.loads(pickle.dumps(made))
    assert type(back) is kind
    assert (vars(back), str(back)) == (vars(made), str(made))


def test_all_problems_are_told_with_their_places() -> None:
    told = str(InvalidInput(*ARGUMENTS["InvalidInput"]))
    assert told == "list.csv line 7 column email: no @\njob.yaml: unknown key"
