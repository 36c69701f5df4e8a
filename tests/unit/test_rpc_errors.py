"""The one table of errors: every class has a status, and every status fits into a client's header limit."""

from base64 import b64encode
from urllib.parse import quote

import pytest
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

from actors.model import errors
from actors.model.errors import HongyanError, InvalidInput, Problem
from gateway.rpc.errors import TABLE, status_of
from gateway.rpc.limits import LimitReached

HEADER_LIMIT = 8192  # gRPC's default for all metadata of a call


def all_errors(kind: type) -> list[type]:
    return [kind, *(e for sub in kind.__subclasses__() for e in all_errors(sub) if e.__module__ == errors.__name__)]


def test_every_error_of_the_model_has_its_own_row():
    assert set(all_errors(HongyanError)) <= {row[0] for row in TABLE}
    assert TABLE[-1][0] is HongyanError  # the others come first


def on_the_wire(error: HongyanError) -> int:
    status = status_of(error)
    return len(quote(status.message)) + len(b64encode(status.SerializeToString()))


texts = st.text(max_size=3000)


@given(st.lists(st.builds(Problem, texts, texts, st.integers(0, 10**9), texts), max_size=50))
def test_any_problems_fit(problems):
    assert on_the_wire(InvalidInput(tuple(problems))) < HEADER_LIMIT


@given(texts, texts)
def test_any_words_fit(one, two):
    for error in (
        errors.NotFound(one, two),
        errors.Conflict(one, two),
        errors.Unavailable(one, two),
        LimitReached(one, two, 1.0),
    ):
        assert on_the_wire(error) < HEADER_LIMIT


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (3, 3), (100_000, None)])
def test_problems_are_counted_in_full_and_shown_from_the_first(count, shown):
    status = status_of(InvalidInput(tuple(Problem("list.csv", "no @ 在「位址」", n + 2, "email") for n in range(count))))
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert info.metadata["problems"] == str(count)
    assert [v.field for v in bad.field_violations] == [f"list.csv:{n + 2}:email" for n in range(len(bad.field_violations))]
    assert len(bad.field_violations) == shown if shown else 20 < len(bad.field_violations) < 200
    assert status.message.startswith("list.csv line 2 column email: no @")
