"""What a template can call: one module a family, one table entry a function (`REGISTRY`)."""

from actors.renderer.functions import dates, formats, logic, masks, numbers, percentiles, rounding, tables
from actors.renderer.functions.registry import REGISTRY, Function

FAMILIES = (logic, numbers, percentiles, rounding, masks, formats, dates, tables)  # in the order of the page of functions

__all__ = ["FAMILIES", "REGISTRY", "Function"]
