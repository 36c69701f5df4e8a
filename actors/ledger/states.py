"""What may happen to a row: the rules by which a result changes a row's state. Pure; no store, no clock.

A row leaves the ledger's open states once and never comes back, but for a person's word on a row in doubt (`decisions`). A
result counts if the reporting sender has the row open, or if nobody ever opened it and the result is one that needs no
transmission. Whatever else arrives is either a repetition or a stale lease (ignored), or a broken promise (refused whole).
"""

from actors.model.errors import BrokenPromise
from actors.model.states import OnDoubt, RowState

PENDING, DEFERRED, TRANSMITTING = int(RowState.PENDING), int(RowState.DEFERRED), int(RowState.TRANSMITTING)
DELIVERED, IN_DOUBT, RENDER_ERROR = int(RowState.DELIVERED), int(RowState.IN_DOUBT), int(RowState.RENDER_ERROR)
EXPIRED = int(RowState.EXPIRED)
STATES = len(RowState)

# What a sender may say of a row that it has open.
RESULTS = frozenset(
    int(s)
    for s in (
        RowState.DEFERRED,
        RowState.DELIVERED,
        RowState.BOUNCED,
        RowState.SKIPPED,
        RowState.RENDER_ERROR,
        RowState.EXPIRED,
        RowState.IN_DOUBT,
    )
)
# These say that bytes went out, so they need an opening.
TRANSMITTED = frozenset({DELIVERED, IN_DOUBT})
INTAKE_STATES = frozenset(int(s) for s in (RowState.INVALID, RowState.DUPLICATE, RowState.SUPPRESSED))

BECOMES = {
    OnDoubt.RESEND: DEFERRED,
    OnDoubt.SKIP: int(RowState.SKIPPED),
    OnDoubt.HOLD: IN_DOUBT,
    OnDoubt.EXPIRE: int(RowState.EXPIRED),
}


def after_result(result: int, swept: int, on_doubt: OnDoubt, no_more: bool = False) -> int:
    """The state that a counting result leads to. `swept`: the job's sweep state, 0 if none. `no_more`: a row in doubt was tried
    long enough, so it is not sent again."""
    if result == IN_DOUBT:
        result = BECOMES[on_doubt]
        if result == DEFERRED and no_more:
            result = EXPIRED
    return swept if result == DEFERRED and swept else result


def counts_unopened(job: str, row: int, state: int, result: int, repeated: bool) -> bool:
    """Whether a result for a row that the sender has not open counts; False: it is ignored. `repeated`: the ledger holds this
    very result already."""
    if result not in RESULTS:
        raise BrokenPromise(f"{job}/{row}: {RowState(result).label} is not a sender's result")
    if repeated:
        return False
    if result in TRANSMITTED:
        raise BrokenPromise(f"{job}/{row}: {RowState(result).label} for a row that is not open with this sender")
    # Another sender holds the row or has settled it, or a sweep has: this one worked on an old lease.
    return state in (PENDING, DEFERRED)
