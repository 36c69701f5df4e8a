"""One whole system for all scenarios of this folder, since its start is dear. Each leaves it as it found it: up, with no active
job."""

from collections.abc import Iterator

import pytest

from cluster.supervise import free_port
from tests.e2e.system import SLOW, Scene, scene


@pytest.fixture(scope="package")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("standing")
    script = folder / "script.yaml"
    script.write_text(f"rules:\n  - {{domain: {SLOW}, at: dot, delay: 1s}}\n")
    with scene(folder, script, ray={"dashboard": True, "dashboard_port": free_port()}) as made:
        yield made
