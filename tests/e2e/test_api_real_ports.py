"""The API over the real ledger, intake and renderer in one process: what the fakes promise is what the parts do."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from hongyan.v1 import jobs_pb2 as pb
from hongyan.v1 import spec_pb2
from hongyan.v1 import suppressions_pb2 as spb

from cluster import names
from cluster.config import Config, EgressConfig, RouteConfig
from cluster.inprocess import Local
from gateway.rpc.backend import Backend
from gateway.rpc.server import start
from tests.fakes.gateway import Place, Served

UPLOAD = "upload-0001"
LIST = "email,name,amount\nann@a.test,王小明,1200\nbob@b.test,李四,3\nann@a.test,again,1\nnobody,x,1\ncat@c.test,c,5\n"
HTML = "<p>{{ name }}：{{ amount | fmt_currency('TWD') }}</p>"
SPEC = spec_pb2.JobSpec(
    name="十一月帳單",
    sender=spec_pb2.SenderSpec(**{"from": "鴻雁 <service@bank.test>"}),
    content=spec_pb2.ContentSpec(subject="{{ name }} 您的帳單", html="body.html"),
)


@asynccontextmanager
async def real(tmp_path) -> AsyncIterator[Served]:
    egresses = (EgressConfig(address="127.0.0.2", ehlo="a.test"), EgressConfig(address="127.0.0.3", ehlo="b.test"))
    routes = (RouteConfig(pattern="*", host="mx.b.test"),)
    config = Config(data=tmp_path / "data", renderers=1, file=tmp_path / "hongyan.yaml", egresses=egresses, routes=routes)
    local = Local(config)
    vault = local.parts.vault()
    vault.create()
    backend = Backend(
        ledger=local.port(names.LEDGER),
        intake=local.port(names.INTAKE),
        conductor=local.port(names.CONDUCTOR),  # does not run: nothing is sent here
        reputation=local.port(names.REPUTATION),
        renderers=[local.port(names.renderer(0))],
        results=local.port(names.RESULTS),
        vault=vault,
        clock=local.parts.clock,
    )
    place = Place(tmp_path)
    gateway = await start(backend, place.settings())
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
            yield Served(place, None, gateway, channel)  # type: ignore[arg-type]
    finally:
        await gateway.stop(0)
        await local.port(names.LEDGER).close()


async def uploaded(api: Served) -> None:
    await api.upload("list.csv", LIST.encode(), UPLOAD)
    await api.upload("body.html", HTML.encode(), UPLOAD)


async def test_upload_check_submit_preview_cancel(tmp_path):
    async with real(tmp_path) as api:
        await uploaded(api)
        add = spb.SuppressionServiceAddRequest(addresses=["Cat@C.test"], reason="退訂")
        assert (await api.lists.Add(add, metadata=api.key())).added == 1
        checked = await api.jobs.Check(pb.CheckRequest(upload_id=UPLOAD, spec=SPEC), metadata=api.key())
        assert list(checked.problems) == []
        assert checked.rows == 5
        answer = await api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD, idempotency_key="k"), metadata=api.key())
        job, counts = answer.job.id, answer.job.counts
        assert answer.job.name == "十一月帳單"
        assert (counts.pending, counts.duplicate, counts.invalid, counts.suppressed) == (2, 1, 1, 1)
        again = await api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD, idempotency_key="k"), metadata=api.key())
        assert (again.job.id, again.existing) == (job, True)
        assert not (tmp_path / "data" / "vault" / "uploads" / "acme" / UPLOAD).exists()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD, idempotency_key="k2"), metadata=api.key())
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        await uploaded(api)
        await api.jobs.Check(pb.CheckRequest(upload_id=UPLOAD, spec=SPEC), metadata=api.key())
        again = await api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD, idempotency_key="k"), metadata=api.key())
        assert again.job.id == job
        assert not (tmp_path / "data" / "vault" / "uploads" / "acme" / UPLOAD).exists()
        found = (await api.jobs.Get(pb.GetRequest(job=job), metadata=api.key())).job
        assert found.counts == counts
        assert [j.id for j in (await api.jobs.List(pb.ListRequest(), metadata=api.key())).jobs] == [job]
        shown = await api.jobs.Preview(pb.PreviewRequest(job=job, row=0), metadata=api.key())
        assert shown.subject == "王小明 您的帳單"
        assert "王小明" in shown.html
        assert shown.values["amount"] == "1200"
        outcomes = [o async for r in api.jobs.Outcomes(pb.OutcomesRequest(job=job), metadata=api.key()) for o in r.outcomes]
        assert {(o.row, pb.RowState.Name(o.state)) for o in outcomes} >= {(2, "ROW_STATE_DUPLICATE"), (3, "ROW_STATE_INVALID")}
        paused = await api.jobs.Pause(pb.PauseRequest(job=job, reason="等"), metadata=api.key())
        assert (paused.job.state, paused.job.reason) == (pb.JOB_STATE_PAUSED, "等")
        await api.jobs.Resume(pb.ResumeRequest(job=job), metadata=api.key())
        cancelled = (await api.jobs.Cancel(pb.CancelRequest(job=job), metadata=api.key())).job
        assert (cancelled.state, cancelled.counts.cancelled) == (pb.JOB_STATE_CANCELLED, 2)
        watched = [r.job.state async for r in api.jobs.Watch(pb.WatchRequest(job=job), metadata=api.key())]
        assert watched == [pb.JOB_STATE_CANCELLED]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await api.jobs.Get(pb.GetRequest(job=job), metadata=api.key("globex"))
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_full_spec_is_read_by_intake(tmp_path):
    """Every field of the message arrives: intake refuses what it does not know."""
    spec = spec_pb2.JobSpec()
    spec.CopyFrom(SPEC)
    spec.list.rules.dedupe = ""
    spec.list.rules.suppress.SetInParent()
    spec.list.columns["amount"] = "decimal"
    spec.schedule.start = "2030-01-01T09:00"
    spec.schedule.pause.append("12:00-13:30")
    spec.delivery.on_doubt = spec_pb2.ON_DOUBT_HOLD
    spec.delivery.retry_for.seconds = 5400
    spec.content.max_render_errors = 0.5
    spec.content.one_click = False
    spec.content.headers["X-Kind"] = "statement"
    async with real(tmp_path) as api:
        await uploaded(api)
        answer = await api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD, spec=spec), metadata=api.key())
        assert answer.job.state == pb.JOB_STATE_SCHEDULED
        assert (answer.job.counts.duplicate, answer.job.counts.pending) == (0, 4)
        assert answer.job.start_at.seconds == 1_893_459_600  # 09:00 in Taipei


async def test_problems_of_the_bundle_are_the_answer_of_check(tmp_path):
    async with real(tmp_path) as api:
        await api.upload("list.csv", b"mail\na@b.test\n", UPLOAD)
        checked = await api.jobs.Check(pb.CheckRequest(upload_id=UPLOAD, spec=SPEC), metadata=api.key())
        assert {p.file for p in checked.problems} >= {"list.csv"}
        assert not (await api.jobs.List(pb.ListRequest(), metadata=api.key())).jobs


async def test_suppression_pages_keep_order_and_scopes(tmp_path):
    async with real(tmp_path) as api:
        for scope in ("a", "b"):
            addresses = [f"u{n}@x.test" for n in range(10)]
            add = spb.SuppressionServiceAddRequest(scope=scope, addresses=addresses)
            await api.lists.Add(add, metadata=api.key())
        seen, cursor = [], ""
        while True:
            request = spb.SuppressionServiceListRequest(scopes=["a", "b"], limit=3, cursor=cursor)
            page = await api.lists.List(request, metadata=api.key())
            seen += [(s.address, s.scope) for s in page.suppressions]
            cursor = page.cursor
            if not cursor:
                break
        assert seen == [(f"u{n}@x.test", s) for n in range(10) for s in ("a", "b")]


async def test_check_tells_what_the_whole_list_comes_to(tmp_path):
    async with real(tmp_path) as api:
        await uploaded(api)
        spec = spec_pb2.JobSpec()
        spec.CopyFrom(SPEC)
        spec.content.gates.max_rows = 1
        request = pb.CheckRequest(upload_id=UPLOAD, spec=spec, page=True)
        checked = await api.jobs.Check(request, metadata=api.key())
        assert list(checked.problems) == []
        assert [p.message.split(":")[0] for p in checked.shut_gates] == ["max_rows"]
        report = json.loads(checked.report)
        assert report["looked_at"] == checked.counts.pending
        assert report["slots"]
        assert "embedded" not in report
        assert checked.page.startswith("<!DOCTYPE html>")
        quick = await api.jobs.Check(pb.CheckRequest(upload_id=UPLOAD, spec=spec, quick=True), metadata=api.key())
        assert (quick.report, quick.page, quick.rows) == ("", "", 5)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD, idempotency_key="g", spec=spec), metadata=api.key())
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        spec.content.ClearField("gates")
        spec.list.private.append("name")
        spec.content.allow_private.append("name")
        answer = await api.jobs.Submit(pb.SubmitRequest(upload_id=UPLOAD, idempotency_key="h", spec=spec), metadata=api.key())
        shown = await api.jobs.Preview(pb.PreviewRequest(job=answer.job.id, row=0, page=True), metadata=api.key())
        assert shown.values["name"] == "●" * 6
        assert shown.page.startswith("<!DOCTYPE html>")
        assert not (await api.jobs.Preview(pb.PreviewRequest(job=answer.job.id, row=0), metadata=api.key())).page


async def test_a_plan_tells_what_will_miss_the_deadline(tmp_path):
    spec = spec_pb2.JobSpec()
    spec.CopyFrom(SPEC)
    spec.delivery.rate = "1/h"
    spec.schedule.start, spec.schedule.deadline = "2030-01-01T09:00", "2030-01-01T10:30"
    async with real(tmp_path) as api:
        await uploaded(api)
        request = pb.CheckRequest(upload_id=UPLOAD, spec=spec, quick=True, forecast=True)
        found = (await api.jobs.Check(request, metadata=api.key())).forecast
        assert not (await api.jobs.List(pb.ListRequest(), metadata=api.key())).jobs
    (site,) = found.sites
    assert (site.site, site.lanes, site.learned) == ("route:mx.b.test:25", 2, 0)
    assert found.starts_at.seconds == 1_893_459_600
    assert found.through_at.seconds == pytest.approx(1_893_459_600 + 3600 * site.rows, abs=1)
    assert found.late == site.late == site.rows - 1 == 2  # one is through by then, the next is not
