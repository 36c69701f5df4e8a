"""`claim_code`: the code that the ledger gave a row when the job was accepted. Nothing is claimed here.

It is handed the column of the pool's codes beside its key (`template.naming` writes it into the call).
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from actors.renderer.functions.choosing import select
from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.registry import LITERALS, REGISTRY, SETTINGS, Function, signature
from actors.renderer.functions.scope import Scope, fail_all
from actors.renderer.functions.values import Lit, Value, null_of

FAMILY = "Tables"
CODES = "hongyan_codes"  # the argument that the compiler adds; no template can write it


class ClaimFunction(Function):
    """A function that is handed the codes of the pool that its first argument names."""

    def arguments(self, args: Sequence[Any], kwargs: dict[str, Any], wrap: Callable[[Any], Any]) -> list[Any]:
        """The arguments, then the codes; null where the call names no pool."""
        given = dict(kwargs)
        codes = given.pop(CODES) if CODES in given else wrap(None)
        return [*super().arguments(args, given, wrap), codes]


def _problem(job: Context, given: Mapping[str, Any]) -> str:
    pool = given.get("pool")
    if pool in job.pools:
        return ""
    near = get_close_matches(str(pool), list(job.pools), 1)
    hint = f"did you mean {near[0]}?" if near else f"put it at pools/{pool}.csv"
    return f"claim_code: pool names no pool of the bundle ({hint})"


def claim_code(scope: Scope, args: Sequence[Value]) -> Value:
    """The code of a pool that is this row's alone over all jobs, and the same each time; null where the key is null. Every row
    that may be sent takes one of each pool when the job is accepted; rows that end unsent give theirs back."""
    _, key, codes = args
    if isinstance(codes, Lit) and codes.value is None:
        return fail_all(scope, Refused("claim_code", "pool", "names no pool of the bundle"))
    null = null_of(key, scope.n)
    return codes if null is None else Lit(None) if null.all() else select(np.logical_not(null), codes, Lit(None))


LITERALS["claim_code"] = frozenset(("pool",))
SETTINGS["claim_code"] = _problem
REGISTRY["claim_code"] = ClaimFunction(
    name="claim_code",
    family=FAMILY,
    kind="J",
    meaning=" ".join((claim_code.__doc__ or "").split()),
    example="claim_code('coupons', 'k-17')",
    expected="AB-1",
    nulls="null where the key is null",
    signature=signature("pool", "key"),
    run=claim_code,
)
