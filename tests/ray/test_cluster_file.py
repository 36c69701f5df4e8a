"""ray-cluster.yaml is one that Ray's launcher takes, and its commands are ones that `hongyan` takes."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway.cli.main import build

FILE = Path(__file__).parents[2] / "ray-cluster.yaml"
START = ("head_start_ray_commands", "worker_start_ray_commands")
pytestmark = [pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def content() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def test_ray_takes_it(content: dict[str, Any]) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(content)
    validate_config(prepared)
    (node_type,) = prepared["available_node_types"].values()
    assert (node_type["min_workers"], node_type["max_workers"]) == (2, 2)
    for key in START:
        assert prepared[key] == content[key]


def test_ray_refuses_a_key_that_it_does_not_know(content: dict[str, Any]) -> None:
    from jsonschema import ValidationError
    from ray.autoscaler._private.util import prepare_config, validate_config

    with pytest.raises(ValidationError):
        validate_config(prepare_config(content) | {"worker_start_commands": []})


def test_the_cloud_example_is_one_too(content: dict[str, Any]) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    block = re.search(r"^# provider:.*?(?=\n\n)", FILE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    cloud = yaml.safe_load(re.sub(r"^# ?", "", block[0], flags=re.MULTILINE))
    prepared = prepare_config({**content, **cloud})
    validate_config(prepared)
    assert set(prepared["available_node_types"]) == {"head", "renderers"}


@pytest.mark.parametrize("key", START)
def test_hongyan_takes_its_commands(key: str, content: dict[str, Any], tmp_path: Path) -> None:
    """With a config that cannot be read each ends with 2 and names it: every option was understood."""
    seen = []
    for command in content[key]:
        words = shlex.split(command.rpartition("; ")[2].replace("$(hostname -I | cut -d' ' -f1)", "10.0.0.9"))
        assert words[0].endswith("/bin/hongyan")
        seen.append(words[1])
        missing = str(tmp_path / "none.yaml")
        arguments = [missing if word.endswith("hongyan.yaml") else word for word in words[1:]]
        result = CliRunner().invoke(build(), arguments)
        assert result.exit_code == 2
        assert f"{missing}: cannot be read" in result.output.replace("\n", "")
    assert seen == ["down", "up"]


def test_head_port_and_paths_fit_the_documents(content: dict[str, Any]) -> None:
    assert "--join $RAY_HEAD_IP:6379" in content["worker_start_ray_commands"][1]
    assert "port: 6379" in (FILE.parent / "docs" / "operating.md").read_text(encoding="utf-8")
    assert {Path(p).name for p in content["file_mounts"]} == {"hongyan.yaml", "ray.token"}
