"""Who may write: the epochs and leases of senders and of the conductor. Pure over the ledger's memory.

An epoch is given once and only grows; whoever comes with another one than the last is fenced off and has changed nothing. A
lease says how long a sender may start mail without hearing from the ledger again; it lives in memory only, every step renews
it.
"""

from actors.ledger.memory import Holder, Memory, Undo
from actors.model.delivery import SENDER_LEASE_SECONDS
from actors.model.errors import BrokenPromise, Fenced


def holder(memory: Memory, undo: Undo, name: str, epoch: int) -> Holder:
    """The egress, ready to be changed; Fenced if the epoch is not the current one."""
    holder = memory.senders.get(name)
    if holder is None or holder.epoch != epoch:
        raise Fenced(name, epoch, holder.epoch if holder else 0)
    return undo.sender(holder)


def next_epoch(memory: Memory, undo: Undo, name: str, now: float) -> Holder:
    """The egress under a new epoch, with a fresh lease; what older epochs had open is still listed."""
    holder = memory.senders.get(name)
    if holder is None:
        # An entry with epoch 0 fences everybody off, so it may stay when the step is undone.
        holder = memory.senders[name] = Holder(name)
    undo.sender(holder)
    holder.epoch += 1
    return renew(holder, now)


def renew(holder: Holder, now: float) -> Holder:
    holder.lease_until = now + SENDER_LEASE_SECONDS
    return holder


def release(holder: Holder) -> None:
    """Ends the lease; BrokenPromise while rows are open."""
    if holder.open:
        raise BrokenPromise(f"{holder.name} gives back its lease with {len(holder.open)} rows open")
    holder.lease_until = 0.0
