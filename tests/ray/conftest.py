"""One small Ray cluster for all tests of this folder; each test names its actors itself.

Ray reads its environment when it is imported, so that is set here, before any test module.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="package")
def cluster() -> Iterator[Any]:
    """A head on loopback with two CPUs; a test may add nodes, and removes them."""
    import ray
    from ray._common.utils import get_default_ray_temp_dir
    from ray.cluster_utils import Cluster

    # Ray notes the running cluster there whatever the head's own folder is, and does not make the folder.
    Path(get_default_ray_temp_dir()).mkdir(parents=True, exist_ok=True)
    head = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 100 * 2**20, "temp_dir": FOLDER}
    made = Cluster(initialize_head=True, head_node_args=head)
    ray.init(address=made.address, namespace="hongyan", log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()
