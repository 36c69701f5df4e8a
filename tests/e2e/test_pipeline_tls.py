"""TLS as the routes say: required and not offered, the mail waits; offered, every mail goes over TLS; verified, a stranger's
certificate gets none."""

from pathlib import Path

from actors.model.states import RowState
from sandbox import Sandbox
from tests.e2e.mailing_world import arrivals, bundle, people, routes_to, world

ROWS = 20
WITHOUT = {"rules": [{"host": "127.0.0.11", "without": ["starttls"]}]}
PLACES = [("127.0.0.11", 0), ("127.0.0.12", 0), ("127.0.0.13", 0)]


async def test_s7_mail_that_needs_tls_never_leaves_in_the_clear(tmp_path: Path) -> None:
    addresses = people("plain.test", 3) + people("stranger.test", 3) + people("one.test", ROWS)
    async with Sandbox(WITHOUT, listen=PLACES) as sandbox:
        required = routes_to(sandbox, "plain.test", "stranger.test", "*", tls="required")
        required[1]["tls"] = "verify"
        async with world(tmp_path, required) as made:
            job = (await made.submit(bundle(addresses, {"delivery": {"retry_for": "1h"}}))).record.job
            await made.reach(job, lambda s: (s.counts.get(RowState.DELIVERED), s.counts.get(RowState.DEFERRED)) == (ROWS, 6))
            lines = await made.lines(job)
            await made.ended_ahead(job, 1200.0)
            await made.reconcile(job, sandbox.messages)
            states = await made.states(job)
    assert set(arrivals(job, sandbox.messages)) == set(range(6, 6 + ROWS))
    assert all(message.tls for message in sandbox.messages)
    for row in range(6):
        assert (lines[row].state.label, lines[row].blame) == ("deferred", "network")
        assert lines[row].stage in ("starttls", "hand")  # one has tried it for those that were in hand
        assert states[row] == "expired"
    for site in (range(3), range(3, 6)):
        assert "starttls" in {lines[row].stage for row in site}
    assert {lines[row].reply for row in range(3)} == {"TLS is required and not offered"}
    assert all("CERTIFICATE_VERIFY_FAILED" in lines[row].reply for row in range(3, 6))


async def test_s7_tls_that_appears_later_gets_the_mail(tmp_path: Path) -> None:
    """The first connections meet a receiver without STARTTLS, later ones one that offers it."""
    async with (
        Sandbox({"features": {"starttls": False}}, listen=PLACES[:1]) as before,
        world(tmp_path, routes_to(before, "*", tls="required")) as made,
    ):
        job = (await made.submit(bundle(people("one.test", ROWS)))).record.job
        await made.reach(job, lambda s: s.attempts and s.counts.get(RowState.DEFERRED) == ROWS)
        assert before.messages == []
        await before.stop()
        async with Sandbox(listen=[("127.0.0.11", before.port)]) as after:
            await made.ended_ahead(job)
            arrived = await made.reconcile(job, after.messages)
    assert set(arrived) == set(range(ROWS))
    assert all(message.tls for message in after.messages)
