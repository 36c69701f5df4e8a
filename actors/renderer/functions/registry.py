"""The table of functions: one entry each, from which calls, filters, `hongyan functions` and the page of functions are made."""

import inspect
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Function:
    """One function that a template can call."""

    name: str
    family: str
    kind: str  # N column kernel, D a distinct value, R a row at a time
    meaning: str
    example: str  # a slot's inside
    expected: str  # what it prints
    nulls: str
    signature: inspect.Signature
    kernel: Any

    @property
    def usage(self) -> str:
        """`mask_phone(p, keep=3)`."""
        return f"{self.name}{self.signature}"


REGISTRY: dict[str, Function] = {}
