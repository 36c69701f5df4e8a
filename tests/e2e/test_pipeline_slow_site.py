"""A slow site and a fast one in the same job: the fast one is through while the slow one has hardly begun."""

from pathlib import Path

from actors.model.states import JobState
from sandbox import Sandbox
from tests.e2e.mailing_world import arrivals, bundle, routes_to, world

SLOW, FAST = 300, 700
SCRIPT = {"rules": [{"domain": "slow.test", "at": "dot", "delay": "100ms"}]}


async def test_a_slow_site_does_not_hold_up_a_fast_one(tmp_path: Path) -> None:
    addresses = [f"user{n}@{'slow' if n % 10 < 3 else 'fast'}.test" for n in range(SLOW + FAST)]
    slow = {row for row, address in enumerate(addresses) if address.endswith("slow.test")}
    async with Sandbox(SCRIPT, listen=[("127.0.0.11", 0), ("127.0.0.12", 0)]) as sandbox:
        lanes = {"start": 2, "most": 2}  # so that the slow site takes 20 mails a second
        async with world(tmp_path, routes_to(sandbox, "slow.test", "*"), lanes=lanes) as made:
            job = (await made.submit(bundle(addresses))).record.job

            async def fast_through() -> bool:
                return len(set(arrivals(job, sandbox.messages)) - slow) == FAST

            await made.until(fast_through, "the fast site's mails")
            behind = len(slow - set(arrivals(job, sandbox.messages)))
            assert behind > SLOW * 0.6, f"only {behind} of the slow site's mails were left: the fast ones waited for them"
            await made.ledger.move_job(job, JobState.CANCELLED)  # the rest of it says nothing new
            await made.ended(job)
            await made.reconcile(job, sandbox.messages)
            states = await made.states(job)
    assert {states[row] for row in range(SLOW + FAST) if row not in slow} == {"delivered"}
    assert {states[row] for row in slow} == {"delivered", "cancelled"}
