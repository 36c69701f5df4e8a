"""Delivery to Postfix's smtp-sink, a receiver that is not ours: whole mailings, and a dot without a reply (RFC 1047)."""

import pytest

from actors.model.delivery import Host, Site
from actors.model.states import RowState
from tests.e2e.receivers.base import folder
from tests.e2e.receivers.postfix import start_smtp_sink
from tests.e2e.sending import Bench, running, until
from tests.fakes.ports import shard


@pytest.mark.parametrize("options", [(), ("-p",)], ids=["pipelining", "plain"])
async def test_all_rows_arrive_as_they_were_rendered(options: tuple[str, ...]) -> None:
    bench = Bench()
    bench.renderer.size = 10_000
    with folder() as dump:
        dump.chmod(0o777)  # it writes as nobody
        with start_smtp_sink(*options, "-d", f"{dump}/%M.") as place:
            async with running(bench):
                bench.conductor.shards.append(shard(Site("sink.test", (Host(*place),)), range(400)))
                await until(bench.settled(400), 60)
        assert bench.ledger.states() == {RowState.DELIVERED: 400}
        texts = [f.read_text() for f in dump.iterdir()]
    assert len(texts) == 400
    rows = set()
    for text in texts:
        to = next(line for line in text.splitlines() if line.startswith("X-Rcpt-Args"))
        row = int(to.split("<r")[1].split("@")[0])
        rows.add(row)
        assert text.rstrip("\n").endswith(bench.renderer.message(row).decode().replace("\r\n", "\n").rstrip("\n"))
    assert rows == set(range(400))


async def test_the_final_dot_without_a_reply_is_in_doubt() -> None:
    bench = Bench()
    with start_smtp_sink("-q", ".") as place:
        async with running(bench):
            bench.conductor.shards.append(shard(Site("sink.test", (Host(*place),)), range(6)))
            await until(bench.settled(6), 60)
    states = bench.ledger.states()
    assert states.get(RowState.DELIVERED, 0) == 0
    assert states[RowState.IN_DOUBT] >= 1
    assert states.get(RowState.IN_DOUBT, 0) + states.get(RowState.DEFERRED, 0) == 6


@pytest.mark.parametrize(
    ("command", "state"), [("RCPT", RowState.DEFERRED), ("DATA", RowState.DEFERRED), (".", RowState.DEFERRED)]
)
async def test_soft_rejects_are_deferred(command: str, state: RowState) -> None:
    bench = Bench()
    with start_smtp_sink("-r", command) as place:
        async with running(bench):
            bench.conductor.shards.append(shard(Site("sink.test", (Host(*place),)), range(6)))
            await until(bench.settled(6), 60)
    assert bench.ledger.states() == {state: 6}
