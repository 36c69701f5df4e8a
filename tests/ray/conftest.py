"""One small Ray cluster for all tests of this folder; each test names its actors itself.

Ray reads its environment when it is imported, so that is set here, before any test module.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.supervise import LOOPBACK_ENV

FOLDER = tempfile.mkdtemp(prefix="hy-ray-")  # short: socket paths hold 107 bytes
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
TOKEN = Path(FOLDER) / "token"
TOKEN.touch(0o600)
TOKEN.write_text("0123456789abcdef" * 4)
os.environ |= {
    LOOPBACK_ENV: "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN_PATH": str(TOKEN),
    "RAY_USAGE_STATS_ENABLED": "0",
}


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    import ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        namespace="hongyan",
        object_store_memory=100 * 2**20,
        _temp_dir=FOLDER,
    )
    yield
    ray.shutdown()
