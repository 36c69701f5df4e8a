"""A site that refuses the sender's domain stops the account there until it is mended; one that refuses the content, the job."""

from pathlib import Path

from actors.model.states import JobState, RowState
from sandbox import Sandbox
from tests.e2e.mailing_world import bundle, people, routes_to, world

DMARC = "550 5.7.26 Unauthenticated email from bank.test is not accepted due to domain's DMARC policy"
STRICT = {"rules": [{"domain": "strict.test", "attempt": 1, "reply": DMARC}]}
FUSSY = {"rules": [{"domain": "fussy.test", "at": "dot", "reply": "550 5.7.1 this message looks like spam"}]}


async def test_a_refused_domain_halts_the_account_there_until_it_is_mended(tmp_path: Path) -> None:
    async with Sandbox(STRICT) as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        first = (await made.submit(bundle(people("strict.test", 16)))).record.job
        status = await made.reach(first, lambda s: "_dmarc.DOMAIN" in s.record.reason, "the reason tells of the record")
        assert status.record.state is JobState.RUNNING
        assert "refuses the sender's domain (dmarc)" in status.record.reason
        assert status.counts.get(RowState.BOUNCED, 0) == 0
        other = (await made.submit(bundle(people("strict.test", 4, "other")))).record.job
        await made.reach(other, lambda s: "_dmarc.DOMAIN" in s.record.reason, "the account's other job tells it too")
        await made.advance(60.0)
        assert (await made.ledger.status(other)).counts == {RowState.PENDING: 4}
        for job in (first, other):
            await made.ended_ahead(job, 300.0)
        arrived = await made.reconcile(first, sandbox.messages)
        lines = {**await made.lines(first), **{100 + row: line for row, line in (await made.lines(other)).items()}}
        reasons = [(await made.ledger.status(job)).record.reason for job in (first, other)]
    assert set(arrived) == set(range(16))
    assert {line.state.label for line in lines.values()} == {"delivered"}
    assert reasons == ["", ""]


async def test_refused_content_halts_the_job_and_the_rest_is_not_burnt(tmp_path: Path) -> None:
    control = {"schedule": {"deadline": "2099-01-01T00:00"}}
    async with Sandbox(FUSSY) as sandbox, world(tmp_path, routes_to(sandbox, "*")) as made:
        job = (await made.submit(bundle(people("fussy.test", 8000), control))).record.job
        status = await made.reach(job, lambda s: "refuses the content (spam)" in s.record.reason, "the reason tells")
        assert status.record.state is JobState.RUNNING
        await made.reach(job, lambda s: not s.counts.get(RowState.TRANSMITTING), "nothing is on the wire")
        await made.advance(60.0)
        kept = (await made.ledger.status(job)).counts
        assert 10 <= kept[RowState.BOUNCED] <= 4000
        assert kept[RowState.PENDING] >= 4000
        assert not sandbox.messages
