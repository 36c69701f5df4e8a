"""The job's constants that templates and functions may read: nothing else of the world reaches them.

No clock and no chance: `as_of` stands for now, `seed` for every draw. Keys are named here and never written in a template.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from actors.renderer.functions.enclosures import Enclosures
from actors.renderer.functions.ranks import Ranks
from actors.renderer.functions.snippet import Snippets
from actors.renderer.functions.table import Table


@dataclass(frozen=True)
class Context:
    """What a plan is compiled for. `types` maps each list column to int|float|decimal|text|bool|date|timestamp."""

    types: Mapping[str, str]
    as_of: datetime  # aware; what now() and today() give
    locale: str = "zh-TW"
    timezone: str = "Asia/Taipei"
    seed: int = 0
    private: frozenset[str] = frozenset()  # list columns that may be printed masked only
    job: str = ""
    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # key_id -> secret
    ranks: Mapping[str, Ranks] = field(default_factory=dict, repr=False)  # by list column; may be worked out when asked for
    html: bool = False  # whether HTML is written, where a slot escapes and markup stays
    snippets: Snippets = field(default_factory=dict, repr=False)
    pools: Mapping[str, str] = field(default_factory=dict)  # of codes: the column of the roster that holds a row's
    tables: Mapping[str, Table] = field(default_factory=dict, repr=False)  # of the bundle
    bundle: frozenset[str] | None = None  # paths of the bundle's files; None: not known
    enclosures: Enclosures = field(default_factory=Enclosures, repr=False, compare=False)  # what the functions ask for
    memos: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False, compare=False)  # what functions have worked out
