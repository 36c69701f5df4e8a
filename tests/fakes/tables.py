"""Tables of the bundle in memory, for tests of what joins with them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from actors.model.job import TableShape
from actors.renderer.functions.arrowcolumns import from_arrow
from actors.renderer.functions.table import Table, index_of, texts_of
from tests.fakes.snapshot import ARROW

ZONE = ZoneInfo("Asia/Taipei")


def made_table(
    name: str, columns: Mapping[str, Sequence[Any]], types: Mapping[str, str] = {}, key: str = "", chunk: int = 0
) -> Table:
    """`types` names the columns that are not text; `chunk`: rows a batch, 0 for one batch of all."""
    kinds = {c: types.get(c, "text") for c in columns}
    whole = pa.table({c: pa.array(list(values), ARROW[kinds[c]]) for c, values in columns.items()})
    data = pa.Table.from_batches(whole.to_batches(max_chunksize=chunk or None), whole.schema)
    key = key or next(iter(kinds))
    index = index_of([texts_of(from_arrow(part, ZONE)) for part in data.column(key).chunks])
    return Table(name, TableShape(whole.num_rows, key, kinds), data, index, ZONE)


def example_tables() -> dict[str, Table]:
    """What the examples of the functions speak of."""
    return {
        "stores": made_table("stores", {"code": ["T1", "T2"], "city": ["台北", "台中"]}),
        "shops": made_table(
            "shops",
            {"code": ["T2", "T1", "K1"], "lat": [24.15, 25.04, 22.63], "lon": [120.67, 121.56, 120.3]},
            {"lat": "float", "lon": "float"},
        ),
        "lines": made_table(
            "lines",
            {
                "order_no": ["A7", "B1", "A7"],
                "item": ["ink", "cup", "pen"],
                "amount": [Decimal("2.50"), Decimal(4), Decimal(5)],
            },
            {"amount": "decimal"},
        ),
    }
