"""`hongyan functions`: the registry, for people and programs."""

import json

from typer.testing import CliRunner

from actors.renderer.functions import REGISTRY
from gateway.cli.main import build


def test_every_function_is_listed() -> None:
    result = CliRunner().invoke(build(), ["functions"])
    assert result.exit_code == 0
    assert all(f"  {function.usage}" in result.stdout for function in REGISTRY.values())


def test_one_function_for_a_program() -> None:
    result = CliRunner().invoke(build(), ["functions", "mask_name", "--json"])
    (found,) = json.loads(result.stdout)
    assert found["name"] == "mask_name"
    assert found["example"]
    assert found["expected"]


def test_an_unknown_name_gets_the_nearest() -> None:
    result = CliRunner().invoke(build(), ["functions", "maskname"])
    assert result.exit_code == 2
    assert "mask_name" in result.stderr
