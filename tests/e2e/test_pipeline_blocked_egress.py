"""One address of four is blocked in the middle of a job: the others take its rows over and nobody is suppressed."""

from pathlib import Path

import pytest

from actors.model.states import RowState
from cluster import names
from sandbox import Sandbox
from sandbox.world import parse_world
from sandbox.world.smtp import places
from tests.e2e.mailing_world import ACCOUNT, arrivals, bundle, people, world

EGRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
BLOCKED = EGRESSES[2]
ROWS, LEASE_ROWS = 4_400, 256  # far more than the others may hold before the blocked one asks
BLOCK_AT = 5.0  # seconds after the receiver's start
NOTICED = 10.0  # seconds from the first refusal in which the lane must be left: three refusals, on a busy machine
RECEIVER = {
    "sites": [
        {
            "name": "big",
            "domains": ["big.test"],
            "hosts": ["127.0.1.9"],
            "service": 0.05,  # four connections take 80 mails a second
            "blocks": [{"source": BLOCKED, "from": f"{BLOCK_AT:.0f}s", "until": "1h", "at": "mail"}],
            "features": {"starttls": False},
        }
    ]
}


async def test_a_blocked_address_loses_its_traffic_within_seconds_and_no_row_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.sender.leases.MOST_LEASE_ROWS", LEASE_ROWS)
    receiver = parse_world(RECEIVER)
    async with Sandbox(world=receiver, listen=places(receiver, 0)) as sandbox:
        host, port = sandbox.listening[0]
        routes = [{"pattern": "*", "host": host, "port": port, "tls": "none"}]
        lanes = {"start": 4, "most": 4}
        async with world(tmp_path, routes, egresses=EGRESSES, lanes=lanes) as made:
            job = (await made.submit(bundle(people("big.test", ROWS)))).record.job
            status = await made.ended(job)
            arrived = await made.reconcile(job, sandbox.messages)
            stories = {row: await made.story(job, row) for row in range(ROWS)}
            decisions = await made.local.port(names.REPUTATION).decisions(egress=BLOCKED)
            listed = await made.ledger.suppressed(ACCOUNT, ("global",))
    assert status.counts == {RowState.DELIVERED: ROWS} | {s: 0 for s in status.counts if s is not RowState.DELIVERED}
    assert set(arrived) == set(arrivals(job, sandbox.messages)) == set(range(ROWS))
    assert listed == []

    told = [d for story in stories.values() for d in story.deferrals if d["egress"] == BLOCKED]
    assert {d["blame"] for d in told} == {"egress"}
    began = min(d["at"] for d in told)
    left = min(decision.at for decision in decisions if decision.new.closed_until > decision.at)
    assert left - began < NOTICED, f"{len(told)} attempts in {left - began:.1f} s until the lane was left"
    late = [d for d in told if d["at"] > left + 1.0]  # what was on the wire, and tries
    assert len(late) <= 5, f"{len(late)} of {len(told)} attempts after the lane was left"
    assert len(told) < 0.05 * ROWS

    times = [message.at for message in sandbox.messages]
    before = sum(began - 2 <= at < began for at in times) / 2
    assert BLOCKED not in {message.source for message in sandbox.messages if message.at >= left + 1}
    after = sum(left + 1 <= at < left + 3 for at in times) / 2
    assert after > 0.55 * before, f"{before} mails a second before, {after} after"

    one = next(story for story in stories.values() if any(d["egress"] == BLOCKED for d in story.deferrals))
    assert one.line.state is RowState.DELIVERED
    assert one.line.egress != BLOCKED
