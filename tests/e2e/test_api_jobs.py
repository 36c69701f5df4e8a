"""A bundle's whole way over the API: upload, check, submit, watch, steer, outcomes, preview."""

import asyncio
import json

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hongyan.v1 import jobs_pb2 as pb
from hongyan.v1 import spec_pb2

from actors.model.errors import Conflict, Fenced, NotFound, Problem, Unavailable
from actors.model.states import JobState, RowState
from gateway.rpc import jobs
from tests.fakes.backend import Line
from tests.fakes.gateway import Place, Served, serving

LIST = "email,姓名\na@b.test,王小明\nc@d.test,李四\n".encode()


def details(error: grpc.RpcError, kind: type) -> object:
    for packed in rpc_status.from_call(error).details:
        if packed.Is(kind.DESCRIPTOR):
            found = kind()
            packed.Unpack(found)
            return found
    raise AssertionError(f"no {kind.__name__} in the details")


async def refused(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def submitted(api: Served) -> str:
    upload = (await api.upload("list.csv", LIST)).upload_id
    return (await api.jobs.Submit(pb.SubmitRequest(upload_id=upload), metadata=api.key())).job.id


async def test_bundle_in_job_out(tmp_path):
    async with serving(Place(tmp_path)) as api:
        first = await api.upload("list.csv", LIST)
        assert first.file.complete
        assert first.file.committed_size == len(LIST)
        await api.upload("images/圖.png", b"\x89PNG" * 50_000, first.upload_id)
        assert api.backend.vault.list(f"uploads/acme/{first.upload_id}") == [
            f"uploads/acme/{first.upload_id}/images/圖.png",
            f"uploads/acme/{first.upload_id}/list.csv",
        ]
        checked = await api.jobs.Check(pb.CheckRequest(upload_id=first.upload_id), metadata=api.key())
        assert (checked.rows, checked.counts.pending, checked.counts.invalid) == (2, 1, 1)
        answer = await api.jobs.Submit(pb.SubmitRequest(upload_id=first.upload_id, idempotency_key="k1"), metadata=api.key())
        assert (answer.job.rows, answer.job.state, answer.existing) == (2, pb.JOB_STATE_RUNNING, False)
        assert answer.warnings
        assert api.backend.conductor.told == [answer.job.id]
        assert api.backend.intake.seen[-1] == ("acme", f"uploads/acme/{first.upload_id}")
        assert list((tmp_path / "spool").rglob("*.part")) == []


async def test_same_key_same_job_other_bundle_conflict(tmp_path):
    async with serving(Place(tmp_path)) as api:
        upload = (await api.upload("list.csv", LIST)).upload_id
        request = pb.SubmitRequest(upload_id=upload, idempotency_key="k1")
        first = await api.jobs.Submit(request, metadata=api.key())
        api.backend.clock.advance(60)
        again = await api.jobs.Submit(request, metadata=api.key())
        assert again.job.id == first.job.id
        assert again.existing
        assert list(again.warnings) == list(first.warnings)
        request.spec.name = "another"
        error = await refused(api.jobs.Submit(request, metadata=api.key()))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        request.ClearField("spec")
        await api.upload("list.csv", LIST + b"e@f.test,x\n", upload)
        error = await refused(api.jobs.Submit(request, metadata=api.key()))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert details(error, error_details_pb2.PreconditionFailure).violations[0].type == "STATE"


async def test_spec_becomes_the_control_file(tmp_path):
    async with serving(Place(tmp_path)) as api:
        upload = (await api.upload("list.csv", LIST)).upload_id
        await api.upload("job.yaml", b"name: old", upload)
        spec = spec_pb2.JobSpec(
            name="十一月",
            sender=spec_pb2.SenderSpec(**{"from": "銀行 <a@bank.test>"}),
            content=spec_pb2.ContentSpec(subject="{{ 姓名 }}", headers={"X-A": "b"}, one_click=False),
            list=spec_pb2.ListSpec(rules=spec_pb2.RulesSpec(dedupe="", suppress=spec_pb2.Scopes())),
            delivery=spec_pb2.DeliverySpec(on_doubt=spec_pb2.ON_DOUBT_HOLD, retry_for=Duration(seconds=5400)),
        )
        await api.jobs.Check(pb.CheckRequest(upload_id=upload, spec=spec), metadata=api.key())
        folder = f"uploads/acme/{upload}"
        assert api.backend.vault.list(folder) == [f"{folder}/job.json", f"{folder}/list.csv"]
        assert json.loads(api.backend.vault.read(f"{folder}/job.json")) == {
            "name": "十一月",
            "sender": {"from": "銀行 <a@bank.test>"},
            "content": {"subject": "{{ 姓名 }}", "headers": {"X-A": "b"}, "one_click": False},
            "list": {"rules": {"dedupe": "", "suppress": []}},
            "delivery": {"on_doubt": "hold", "retry_for": "5400s"},
        }


async def test_problems_carry_their_place(tmp_path):
    async with serving(Place(tmp_path)) as api:
        upload = (await api.upload("list.csv", LIST)).upload_id
        api.backend.intake.problems = tuple(Problem("list.csv", "no @ 在「位址」", n, "email") for n in range(2, 502))
        error = await refused(api.jobs.Submit(pb.SubmitRequest(upload_id=upload), metadata=api.key()))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        violations = details(error, error_details_pb2.BadRequest).field_violations
        assert violations[0].field == "list.csv:2:email"
        assert violations[0].description == "no @ 在「位址」"
        assert details(error, error_details_pb2.ErrorInfo).metadata["problems"] == "500"
        answer = await api.jobs.Check(pb.CheckRequest(upload_id=upload), metadata=api.key())
        assert [(p.file, p.line, p.column) for p in answer.problems] == [("list.csv", n, "email") for n in range(2, 502)]


async def test_a_check_tells_how_far_it_has_come(tmp_path):
    async with serving(Place(tmp_path)) as api:
        upload = (await api.upload("list.csv", LIST)).upload_id
        api.backend.intake.progress = [(0, 0), (0, 2), (1, 2), (2, 2)]
        asked = pb.WatchCheckRequest(upload_id=upload)

        async def watch(key: object) -> list[tuple[int, int]]:
            return [(at.looked_at, at.rows) async for at in api.jobs.WatchCheck(asked, metadata=key)]

        mine = asyncio.ensure_future(watch(api.key()))  # before the check begins
        check = asyncio.ensure_future(api.jobs.Check(pb.CheckRequest(upload_id=upload), metadata=api.key()))
        assert await mine == [(0, 0), (0, 2), (1, 2), (2, 2)]
        assert (await check).rows == 2


async def test_a_check_that_never_begins_is_not_watched_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "CHECK_BEGINS_SECONDS", 0.1)
    async with serving(Place(tmp_path)) as api:
        asked = pb.WatchCheckRequest(upload_id="nothing")
        assert [at async for at in api.jobs.WatchCheck(asked, metadata=api.key())] == []


async def test_watch_tells_every_change_and_ends_with_the_job(tmp_path):
    async with serving(Place(tmp_path)) as api:
        job = await submitted(api)
        seen = []
        async for reply in api.jobs.Watch(pb.WatchRequest(job=job), metadata=api.key()):
            seen.append((reply.job.state, reply.job.counts.delivered, reply.job.counts.pending))
            if len(seen) == 1:
                api.backend.ledger.change(job, {RowState.PENDING: 1, RowState.DELIVERED: 1})
            else:
                api.backend.ledger.change(job, {RowState.DELIVERED: 2}, state=JobState.DONE)
        assert seen == [(pb.JOB_STATE_RUNNING, 0, 2), (pb.JOB_STATE_RUNNING, 1, 1), (pb.JOB_STATE_DONE, 2, 0)]


async def test_watch_ends_with_unavailable_when_the_gateway_stops(tmp_path):
    async with serving(Place(tmp_path)) as api:
        job = await submitted(api)
        call = api.jobs.Watch(pb.WatchRequest(job=job), metadata=api.key())
        assert (await call.read()).job.id == job
        stopping = asyncio.create_task(api.gateway.stop(5))
        error = await refused(call.read())
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        await stopping


async def test_pause_resume_cancel(tmp_path):
    async with serving(Place(tmp_path)) as api:
        job = await submitted(api)
        paused = await api.jobs.Pause(pb.PauseRequest(job=job, reason="等一下\n"), metadata=api.key())
        assert (paused.job.state, paused.job.reason) == (pb.JOB_STATE_PAUSED, "等一下 ")
        resumed = await api.jobs.Resume(pb.ResumeRequest(job=job), metadata=api.key())
        assert resumed.job.state == pb.JOB_STATE_RUNNING
        cancelled = await api.jobs.Cancel(pb.CancelRequest(job=job), metadata=api.key())
        assert (cancelled.job.state, cancelled.job.counts.cancelled) == (pb.JOB_STATE_CANCELLED, 2)
        error = await refused(api.jobs.Resume(pb.ResumeRequest(job=job), metadata=api.key()))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert api.backend.conductor.told == [job] * 4


async def test_rows_in_doubt_are_decided(tmp_path):
    async with serving(Place(tmp_path)) as api:
        ledger = api.backend.ledger
        job = ledger.add_job("acme", 5, JobState.DONE)
        ledger.change(job, {RowState.DELIVERED: 2, RowState.IN_DOUBT: 3})
        for word in (pb.DecideRequest().decision, spec_pb2.ON_DOUBT_HOLD, spec_pb2.ON_DOUBT_EXPIRE):
            error = await refused(api.jobs.Decide(pb.DecideRequest(job=job, decision=word), metadata=api.key()))
            assert (error.code(), "decision" in error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, True)
        request = pb.DecideRequest(job=job, decision=spec_pb2.ON_DOUBT_SKIP, rows=[0] * 100_001)
        assert (await refused(api.jobs.Decide(request, metadata=api.key()))).code() == grpc.StatusCode.INVALID_ARGUMENT
        request = pb.DecideRequest(job=job, decision=spec_pb2.ON_DOUBT_RESEND, rows=[1, 4])
        answer = await api.jobs.Decide(request, metadata=api.key())
        assert (answer.decided, answer.job.state, answer.job.counts.deferred) == (2, pb.JOB_STATE_RUNNING, 2)
        assert "decide resend [1, 4]" in ledger.calls
        assert api.backend.conductor.told == [job]


async def test_a_step_does_not_need_the_conductor(tmp_path):
    async with serving(Place(tmp_path)) as api:
        job = await submitted(api)
        api.backend.conductor.fail("notify", Unavailable("conductor", "restarting"), 10)
        paused = await api.jobs.Pause(pb.PauseRequest(job=job), metadata=api.key())
        assert paused.job.state == pb.JOB_STATE_PAUSED


async def test_list_pages(tmp_path):
    async with serving(Place(tmp_path)) as api:
        made = [api.backend.ledger.add_job("acme") for _ in range(5)]
        api.backend.ledger.add_job("globex")
        seen, cursor = [], ""
        while True:
            page = await api.jobs.List(pb.ListRequest(limit=2, cursor=cursor), metadata=api.key())
            seen += [j.id for j in page.jobs]
            cursor = page.cursor
            if not cursor:
                break
        assert seen == made[::-1]


async def test_outcomes_go_on_from_a_cursor(tmp_path):
    async with serving(Place(tmp_path)) as api:
        job = api.backend.ledger.add_job("acme", 2500)
        states = (RowState.DELIVERED, RowState.BOUNCED)
        api.backend.ledger.lines[job] = [Line(n, states[n % 2], reply="收到") for n in range(2500)]
        call = api.jobs.Outcomes(pb.OutcomesRequest(job=job), metadata=api.key())
        first = await call.read()
        call.cancel()
        rows = [o.row for o in first.outcomes]
        again = pb.OutcomesRequest(job=job, cursor=first.cursor)
        async for reply in api.jobs.Outcomes(again, metadata=api.key()):
            rows += [o.row for o in reply.outcomes]
        assert rows == list(range(2500))
        one = first.outcomes[1]
        assert (one.state, one.reply, one.first_at.nanos) == (pb.ROW_STATE_BOUNCED, "收到", 250_000_000)
        only = pb.OutcomesRequest(job=job, states=[pb.ROW_STATE_BOUNCED])
        bounced = [o.row async for r in api.jobs.Outcomes(only, metadata=api.key()) for o in r.outcomes]
        assert bounced == list(range(1, 2500, 2))


async def test_preview_renders_now_or_at_a_stamp(tmp_path):
    async with serving(Place(tmp_path)) as api:
        job = await submitted(api)
        shown = await api.jobs.Preview(pb.PreviewRequest(job=job, row=1), metadata=api.key())
        assert (shown.row, shown.subject, shown.text) == (1, "您的帳單 1", str(int(api.backend.clock())))
        assert shown.values["name"] == "王小明"
        assert (shown.return_path, shown.dsn) == ("bounces@bank.test", "FAILURE HDRS")
        then = pb.PreviewRequest(job=job, row=1, stamp={"seconds": 1234})
        assert (await api.jobs.Preview(then, metadata=api.key())).text == "1234"
        for row in (-1, 2, 2**62):
            error = await refused(api.jobs.Preview(pb.PreviewRequest(job=job, row=row), metadata=api.key()))
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_restarting_actor_is_waited_for(tmp_path):
    async with serving(Place(tmp_path)) as api:
        job = await submitted(api)
        api.backend.ledger.fail("status", Unavailable("ledger", "restarting"), 2)
        assert (await api.jobs.Get(pb.GetRequest(job=job), metadata=api.key())).job.id == job


async def test_an_actor_that_stays_away_is_unavailable_with_a_time(tmp_path):
    async with serving(Place(tmp_path)) as api:
        api.backend.ledger.fail("status", Unavailable("ledger", "restarting"), 100)
        error = await refused(api.jobs.Get(pb.GetRequest(job="01J"), metadata=api.key()))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert details(error, error_details_pb2.RetryInfo).retry_delay.seconds > 0


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (NotFound("job", "x"), grpc.StatusCode.NOT_FOUND),
        (Conflict("a", "b"), grpc.StatusCode.FAILED_PRECONDITION),
        (Fenced("a", 1, 2), grpc.StatusCode.ABORTED),
    ],
)
async def test_errors_become_statuses(tmp_path, raised, code):
    async with serving(Place(tmp_path)) as api:
        api.backend.ledger.fail("status", raised)
        assert (await refused(api.jobs.Get(pb.GetRequest(job="01J"), metadata=api.key()))).code() == code


async def test_an_unexpected_error_tells_no_data(tmp_path, caplog):
    async with serving(Place(tmp_path)) as api:
        api.backend.ledger.fail("status", ValueError("secret bob@b.test"))  # type: ignore[arg-type]
        error = await refused(api.jobs.Get(pb.GetRequest(job="01J"), metadata=api.key()))
        assert error.code() == grpc.StatusCode.INTERNAL
        assert "bob" not in error.details()
        assert "ValueError" in caplog.text
        assert "bob" not in caplog.text
