"""What the end-to-end tests share."""

from collections.abc import Iterator

import pytest

from cluster.supervise import free_port
from tests.e2e.receivers.fixtures import (
    broken_tls,
    exim,
    opensmtpd,
    plain_exim,
    plain_postfix,
    postfix,
    receiver,
    smtp_sink,
)
from tests.e2e.system import SLOW, Scene, scene

__all__ = ["broken_tls", "exim", "opensmtpd", "plain_exim", "plain_postfix", "postfix", "receiver", "smtp_sink", "standing"]


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One whole system for all scenarios that leave it as they found it: up, with no active job. Its start is dear."""
    folder = tmp_path_factory.mktemp("standing")
    script = folder / "script.yaml"
    script.write_text(f"rules:\n  - {{domain: {SLOW}, at: dot, delay: 1s}}\n")
    with scene(folder, script, ray={"dashboard": True, "dashboard_port": free_port()}) as made:
        yield made
