"""The real receivers as fixtures. `postfix` and `exim` offer STARTTLS (with a CA of their own: `.authority`) and take plain
mail too; `plain_postfix`, `plain_exim` and `opensmtpd` do not offer it; `broken_tls` offers it and fails at every handshake."""

from collections.abc import Iterator

import pytest

from tests.e2e.receivers.base import Receiver
from tests.e2e.receivers.exim import start_exim
from tests.e2e.receivers.opensmtpd import start_opensmtpd
from tests.e2e.receivers.postfix import start_postfix, start_smtp_sink

STARTS = {"postfix": start_postfix, "exim": start_exim, "opensmtpd": start_opensmtpd}


@pytest.fixture
def postfix() -> Iterator[Receiver]:
    with start_postfix() as receiver:
        yield receiver


@pytest.fixture
def exim() -> Iterator[Receiver]:
    with start_exim() as receiver:
        yield receiver


@pytest.fixture
def opensmtpd() -> Iterator[Receiver]:
    with start_opensmtpd() as receiver:
        yield receiver


@pytest.fixture
def plain_postfix() -> Iterator[Receiver]:
    with start_postfix(tls=False) as receiver:
        yield receiver


@pytest.fixture
def plain_exim() -> Iterator[Receiver]:
    with start_exim(tls=False) as receiver:
        yield receiver


@pytest.fixture
def broken_tls() -> Iterator[Receiver]:
    with start_opensmtpd(tls=True) as receiver:
        yield receiver


@pytest.fixture(params=sorted(STARTS))
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """Each of the three in turn."""
    with STARTS[request.param]() as running:
        yield running


@pytest.fixture
def smtp_sink() -> Iterator[tuple[str, int]]:
    with start_smtp_sink("-m", "1000") as place:
        yield place
