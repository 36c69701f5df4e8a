"""An address of three is refused in words that nobody knows: whom they follow is found out, its rows go through the others."""

from pathlib import Path

import pytest

from actors.model.reasons import Reason
from actors.model.states import Blame, RowState
from cluster import names
from sandbox import Sandbox
from sandbox.policy import Stage
from sandbox.world import parse_world
from sandbox.world.smtp import places
from sandbox.world.texts import Text, families
from tests.e2e.mailing_world import ACCOUNT, bundle, people, world

EGRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
REFUSED = EGRESSES[1]
ROWS, LEASE_ROWS = 2_000, 256  # far more than the two leases that each of the others may hold before this one asks
RECEIVER = {
    "sites": [
        {
            "name": "big",
            "domains": ["big.test"],
            "hosts": ["127.0.1.9"],
            "service": 0.02,
            "blocks": [{"source": REFUSED, "from": "0s", "until": "1h", "at": "mail"}],
            "features": {"starttls": False},
        }
    ]
}


async def test_words_that_follow_an_address_are_found_to_be_about_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(families()["postfix"], "blocked", Text("550 Zorp 4711 finds the tide too low at the pier", Stage.RCPT))
    monkeypatch.setattr("actors.sender.leases.MOST_LEASE_ROWS", LEASE_ROWS)
    receiver = parse_world(RECEIVER)
    async with Sandbox(world=receiver, listen=places(receiver, 0)) as sandbox:
        host, port = sandbox.listening[0]
        routes = [{"pattern": "*", "host": host, "port": port, "tls": "none"}]
        async with world(tmp_path, routes, egresses=EGRESSES) as made:
            job = (await made.submit(bundle(people("big.test", ROWS)))).record.job
            status = await made.ended(job)
            stories = [await made.story(job, row) for row in range(ROWS)]
            replies = await made.local.port(names.REPUTATION).replies()
            decisions = await made.local.port(names.REPUTATION).decisions(egress=REFUSED)
            listed = await made.ledger.suppressed(ACCOUNT, ("global",))
    assert status.counts[RowState.DELIVERED] == ROWS
    assert listed == []
    (found,) = replies
    assert (found["words"], found["blame"], found["of"]) == ("zorp <*> finds the tide too low at the pier", "egress", REFUSED)
    told = [d for story in stories for d in story.deferrals if d["code"] == 550]
    assert {d["egress"] for d in told} == {REFUSED}
    known = [d for d in told if d["reason"] == Reason.LEARNED]
    assert {d["blame"] for d in known} <= {Blame.EGRESS}
    # The lane is left once it is known; whether a refusal is read so before that is a matter of moments.
    assert known or any(decision.new.closed_until > decision.at for decision in decisions)
