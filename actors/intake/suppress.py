"""Which addresses of a segment are suppressed: a sorted table of hashes, confirmed by the texts.

The suppression list is the account's own and is held whole (about 60 bytes an address) for the time of one acceptance.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.model.hashing import hash_texts
from actors.model.ports import Suppressions

PAGE = 100_000
REASON_CHARS = 100  # a bounce's text may be long; the reason is for a report's column

Reasons = NDArray[np.int64]


class SuppressionTable:
    """Addresses with the reason of each; `match` looks up a column."""

    def __init__(self, addresses: pa.StringArray, reasons: list[str], codes: NDArray[np.int32]):
        hashes = hash_texts(addresses)
        order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[order]
        self._addresses = addresses.take(pa.array(order))
        self._codes = codes[order]
        self.reasons = reasons

    def __len__(self) -> int:
        return len(self._hashes)

    def match(self, column: pa.StringArray) -> NDArray[np.int32]:
        """For each row the position of its reason in `reasons`, or -1. Case does not matter; null never matches."""
        found = np.full(len(column), -1, np.int32)
        if not len(self):
            return found
        folded = fold_addresses(column)
        hashes = hash_texts(folded)
        at = np.searchsorted(self._hashes, hashes)
        rows = np.flatnonzero((at < len(self)) & column.is_valid().to_numpy(zero_copy_only=False))
        rows = rows[self._hashes[at[rows]] == hashes[rows]]
        while len(rows):
            same = pc.equal(self._addresses.take(pa.array(at[rows])), folded.take(pa.array(rows))).to_numpy(
                zero_copy_only=False
            )
            found[rows[same]] = self._codes[at[rows[same]]]
            rows = rows[~same]  # another address with the same hash: try the next one
            at[rows] += 1
            rows = rows[at[rows] < len(self)]
            rows = rows[self._hashes[at[rows]] == hashes[rows]]
        return found


def fold_addresses(column: pa.StringArray) -> pa.StringArray:
    """Lower case, as suppression lists store addresses."""
    if pc.all(pc.string_is_ascii(column), min_count=0).as_py():
        return pc.ascii_lower(column)
    return pa.array([None if t is None else t.lower() for t in column.to_pylist()], pa.string())


async def load_table(suppressions: Suppressions, account: str, scopes: Sequence[str]) -> SuppressionTable:
    """All addresses of these scopes, by pages."""
    chunks: list[pa.StringArray] = []
    codes: list[NDArray[np.int32]] = []
    known: dict[str, int] = {}
    after = ""
    while scopes:
        page = await suppressions.suppressed(account, scopes, after, PAGE)
        if not page:
            break
        chunks.append(pa.array([address for address, _, _, _ in page], pa.string()))
        named = [_reason(scope, reason) for _, scope, reason, _ in page]
        codes.append(np.array([known.setdefault(r, len(known)) for r in named], np.int32))
        after = page[-1][0]
        if len(page) < PAGE:
            break
    addresses = pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())
    return SuppressionTable(addresses, list(known), np.concatenate(codes) if codes else np.empty(0, np.int32))


def _reason(scope: str, reason: str) -> str:
    shown = "".join(c if c.isprintable() else " " for c in reason)[:REASON_CHARS].strip()
    return f"on the suppression list {scope}" + (f": {shown}" if shown else "")
