"""`nearest`: the rows of a table of places that are nearest to a point, by great circles on a sphere.

All points of a shard at once, block by block: the straight line through the sphere grows with the distance along it, so it
gives the order, and the haversine's inverse gives the kilometres.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import whole
from actors.renderer.functions.scope import Scope, each
from actors.renderer.functions.table import Table
from actors.renderer.functions.tables import Fault, registered, row_lists
from actors.renderer.functions.values import Index, Lit, Value, list_of, numbers

FAMILY = "Tables"
EARTH_KM = 6371.0088  # mean radius, IUGG
MAX_PLACES = 50_000  # every place is compared with every recipient: 50,000 take some milliseconds each
MAX_NEAREST = 100
DISTANCE = "distance_km"  # the field that the rows get
_BLOCK = 1 << 20  # distances worked out at a time: 8 MB
_EDGES = {"lat": 90.0, "lon": 180.0}

Points = NDArray[np.float64]  # x, y, z on the unit sphere


def _places(table: Table) -> tuple[Index, Points] | Fault:
    """The rows that have a place, and where they are; or what is wrong with the table."""
    made: tuple[Index, Points] | Fault | None = table.worked_out.get("places")
    if made is None:
        made = table.worked_out["places"] = _located(table)
    return made


def _located(table: Table) -> tuple[Index, Points] | Fault:
    if table.shape.rows > MAX_PLACES:
        return "tbl", f"has more than {MAX_PLACES} places"
    degrees = []
    for name, edge in _EDGES.items():
        if table.shape.types.get(name) not in ("int", "float", "decimal", "text"):
            return "tbl", f"must name a table with the columns lat and lon, and {table.name!r} has no numbers in {name}"
        try:
            values = _as_floats(table.arrow(name, np.arange(table.shape.rows)))
        except pa.ArrowInvalid:
            return (
                "tbl",
                f"must name a table with degrees in the columns lat and lon, and {name} of {table.name!r} holds a text",
            )
        outside = np.flatnonzero(~(np.abs(values) <= edge) & ~np.isnan(values))
        if len(outside):
            return "tbl", f"has a {name} beyond {edge:.0f} degrees in row {outside[0] + 1} of {table.name!r}"
        degrees.append(values)
    rows = np.flatnonzero(~np.isnan(degrees[0]) & ~np.isnan(degrees[1]))
    return rows, _on_sphere(degrees[0][rows], degrees[1][rows])


def _as_floats(values: pa.Array) -> NDArray[np.float64]:
    """Degrees, also where they were read as text to keep their last zeros. No number where null."""
    if pa.types.is_string(values.type):
        values = pc.utf8_trim_whitespace(values)
    found: NDArray[np.float64] = pc.cast(values, pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    return found


def _on_sphere(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Points:
    phi, theta = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], axis=1)


def _fault(table: Table, given: Mapping[str, Any]) -> Fault | None:
    found = _places(table)
    return found if isinstance(found[0], str) else None


def _degrees(name: str) -> Any:
    edge = _EDGES[name]

    def check(value: Any) -> float | None:
        if value is None:
            return None
        try:
            found = float(value) if not isinstance(value, bool) else edge + 1
        except (TypeError, ValueError, OverflowError):
            found = edge + 1
        if not -edge <= found <= edge:
            raise Refused("nearest", name, f"is no number of degrees from {-edge:.0f} to {edge:.0f}")
        return found

    return check


@registered(
    "nearest('shops', 25.03, 121.56) | map(attribute='code') | join", "T1", "an empty list where lat or lon is null", _fault, ""
)
def nearest(scope: Scope, table: Table, lat: Value, lon: Value, n: Value = Lit(1)) -> Value:
    """The n rows of a table of places (columns lat and lon, in degrees) nearest to a point, the nearest first, for a loop. Each
    row also has `distance_km`, to the metre."""
    given = [each(scope, _degrees("lat"), (lat,)), each(scope, _degrees("lon"), (lon,))]
    most = each(scope, lambda v: whole(v, "nearest", "n", 1, MAX_NEAREST), (n,))
    count = 1 if all(isinstance(v, Lit) for v in (*given, most)) else scope.n
    degrees = [np.array([np.nan if v is None else v for v in list_of(value, count)], np.float64) for value in given]
    wanted = np.array([v or 0 for v in list_of(most, count)], np.int64)
    wanted[np.isnan(degrees[0]) | np.isnan(degrees[1])] = 0
    counts, rows, km = _nearest(table, _on_sphere(*degrees), wanted)
    lists = row_lists(table, counts, rows, {DISTANCE: numbers("float", km)})
    return lists if count == scope.n else Lit(lists.list()[0])


def _nearest(table: Table, points: Points, wanted: Index) -> tuple[Index, Index, NDArray[np.float64]]:
    """(how many places each point has, their rows one point after the other, their distances)."""
    found = _places(table)
    rows: Any = found[0]
    places: Any = found[1]
    counts = np.minimum(wanted, len(rows))
    asking = np.flatnonzero(counts)
    parts: list[tuple[Index, NDArray[np.float64]]] = []
    step = max(1, _BLOCK // max(1, len(rows)))
    for first in range(0, len(asking), step):
        some = asking[first : first + step]
        squares = np.square(points[some, None, 0] - places[None, :, 0])
        for axis in (1, 2):
            squares += np.square(points[some, None, axis] - places[None, :, axis])
        parts.append(_smallest(squares, counts[some]))
    chosen = np.concatenate([np.empty(0, np.int64), *(p[0] for p in parts)])
    half = np.sqrt(np.concatenate([np.empty(0), *(p[1] for p in parts)])) / 2
    km = np.round(2 * EARTH_KM * np.arcsin(np.minimum(half, 1.0)), 3)
    return counts, rows[chosen], km


def _smallest(squares: NDArray[np.float64], counts: Index) -> tuple[Index, NDArray[np.float64]]:
    """The places of the smallest squares of each line, so many each, the smallest first; equal ones as in the table."""
    most = int(counts.max())
    edge = np.partition(squares, most - 1, axis=1)[:, most - 1 : most]
    line, place = np.nonzero(squares <= edge)
    value = squares[line, place]
    order = np.lexsort((place, value, line))
    line = line[order]
    kept = order[np.arange(len(line)) - np.searchsorted(line, line) < counts[line]]
    return place[kept], value[kept]
