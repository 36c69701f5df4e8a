"""One small Ray cluster for all tests of this folder; each test names its actors itself."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    import ray

    with tempfile.TemporaryDirectory(prefix="hy-ray-") as folder:
        token = Path(folder) / "token"
        token.touch(0o600)
        token.write_text("0123456789abcdef" * 4)
        os.environ |= {"RAY_AUTH_TOKEN_PATH": str(token), "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            namespace="hongyan",
            object_store_memory=100 * 2**20,
            _temp_dir=folder,
        )
        yield
        ray.shutdown()
