"""Who may write: the epochs and leases of senders and of the conductor. Pure over the ledger's memory.

An epoch is given once and only grows; whoever comes with another one than the last is fenced off and has changed nothing. A
lease says how long a sender may start mail without hearing from the ledger again; it lives in memory only, every step renews
it.
"""

from actors.ledger.memory import Egress, Memory, Undo
from actors.model.delivery import SENDER_LEASE_SECONDS
from actors.model.errors import BrokenPromise, Fenced


def holder(memory: Memory, undo: Undo, name: str, epoch: int) -> Egress:
    """The egress, ready to be changed; Fenced if the epoch is not the current one."""
    egress = memory.egresses.get(name)
    if egress is None or egress.epoch != epoch:
        raise Fenced(name, epoch, egress.epoch if egress else 0)
    return undo.egress(egress)


def next_epoch(memory: Memory, undo: Undo, name: str, now: float) -> Egress:
    """The egress under a new epoch, with a fresh lease; what older epochs had open is still listed."""
    egress = memory.egresses.get(name)
    if egress is None:
        # An entry with epoch 0 fences everybody off, so it may stay when the step is undone.
        egress = memory.egresses[name] = Egress(name)
    undo.egress(egress)
    egress.epoch += 1
    return renew(egress, now)


def renew(egress: Egress, now: float) -> Egress:
    egress.lease_until = now + SENDER_LEASE_SECONDS
    return egress


def release(egress: Egress) -> None:
    """Ends the lease; BrokenPromise while rows are open."""
    if egress.open:
        raise BrokenPromise(f"{egress.name} gives back its lease with {len(egress.open)} rows open")
    egress.lease_until = 0.0
