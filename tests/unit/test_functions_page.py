"""docs/functions.md is what the table of functions gives."""

from actors.renderer.functions import REGISTRY
from gateway.cli.functionspage import PAGE, main, page


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
    assert main(["--check"]) == 0


def test_every_function_has_a_row_of_six_cells() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) == sum(not function.source for function in REGISTRY.values())
    for row in rows:
        assert row.replace("\\|", "").count("|") == 7, row
