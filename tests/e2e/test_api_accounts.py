"""S33: two accounts with the same names and keys; neither sees or moves anything of the other's, whatever ids are tried."""

import random
from collections.abc import Awaitable, Callable

import grpc
import pytest
from hongyan.v1 import jobs_pb2 as pb
from hongyan.v1 import spec_pb2
from hongyan.v1 import suppressions_pb2 as spb

from tests.fakes.backend import Line
from tests.fakes.gateway import Place, Served, serving, steps

UPLOAD = "same-upload-id"
REFUSALS = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)


async def code_of(call: object) -> grpc.StatusCode:
    try:
        reply = await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK if reply is not grpc.aio.EOF else grpc.StatusCode.UNKNOWN


def calls(api: Served, job: str, account: str) -> dict[str, Callable[[], Awaitable[object]]]:
    """Every RPC that names a job; in this order all of them fit a running job of one's own."""
    key = api.key(account)
    return {
        "Get": lambda: api.jobs.Get(pb.GetRequest(job=job), metadata=key),
        "Watch": lambda: api.jobs.Watch(pb.WatchRequest(job=job), metadata=key).read(),
        "Pause": lambda: api.jobs.Pause(pb.PauseRequest(job=job), metadata=key),
        "Resume": lambda: api.jobs.Resume(pb.ResumeRequest(job=job), metadata=key),
        "Outcomes": lambda: api.jobs.Outcomes(pb.OutcomesRequest(job=job), metadata=key).read(),
        "Preview": lambda: api.jobs.Preview(pb.PreviewRequest(job=job), metadata=key),
        "Decide": lambda: api.jobs.Decide(pb.DecideRequest(job=job, decision=spec_pb2.ON_DOUBT_SKIP), metadata=key),
        "Cancel": lambda: api.jobs.Cancel(pb.CancelRequest(job=job), metadata=key),
    }


async def test_s33_another_accounts_job_is_not_there(tmp_path):
    async with serving(Place(tmp_path)) as api:
        job = api.backend.ledger.add_job("acme")
        api.backend.ledger.lines[job] = [Line(0)]
        before = api.backend.ledger.jobs[job]
        for name, call in calls(api, job, "globex").items():
            assert await code_of(call()) == grpc.StatusCode.NOT_FOUND, name
        assert api.backend.ledger.jobs[job] == before
        assert api.backend.conductor.told == []
        assert (await api.jobs.List(pb.ListRequest(), metadata=api.key("globex"))).jobs == []
        for name, call in calls(api, job, "acme").items():
            assert await code_of(call()) == grpc.StatusCode.OK, name


async def test_s33_same_upload_id_and_key_are_two_uploads_and_two_jobs(tmp_path):
    async with serving(Place(tmp_path)) as api:
        jobs = {}
        for account, text in (("acme", b"email\na@b.test\n"), ("globex", b"email\nx@y.test\nz@y.test\n")):
            await api.upload("list.csv", text, UPLOAD, account)
        for account in ("acme", "globex"):
            request = pb.SubmitRequest(upload_id=UPLOAD, idempotency_key="same")
            jobs[account] = (await api.jobs.Submit(request, metadata=api.key(account))).job
        assert {a: j.rows for a, j in jobs.items()} == {"acme": 1, "globex": 2}
        assert jobs["acme"].id != jobs["globex"].id


async def test_s33_a_part_is_its_accounts_own(tmp_path):
    async with serving(Place(tmp_path)) as api:
        header = pb.UploadHeader(upload_id=UPLOAD, path="list.csv", size=100)
        await api.jobs.Upload(iter(steps(header, b"x" * 50)), metadata=api.key("acme"))
        found = await api.jobs.QueryUpload(pb.QueryUploadRequest(upload_id=UPLOAD), metadata=api.key("globex"))
        assert list(found.files) == []
        header.offset = 50
        error = await code_of(api.jobs.Upload(iter(steps(header, b"y" * 50)), metadata=api.key("globex")))
        assert error == grpc.StatusCode.FAILED_PRECONDITION


async def test_s33_suppressions_are_an_accounts_own(tmp_path):
    async with serving(Place(tmp_path)) as api:
        add = spb.SuppressionServiceAddRequest(addresses=["a@b.test"])
        remove = spb.SuppressionServiceRemoveRequest(addresses=["a@b.test"])
        assert (await api.lists.Add(add, metadata=api.key("acme"))).added == 1
        assert (await api.lists.List(spb.SuppressionServiceListRequest(), metadata=api.key("globex"))).suppressions == []
        assert (await api.lists.Remove(remove, metadata=api.key("globex"))).removed == 0
        assert (await api.lists.Add(add, metadata=api.key("globex"))).added == 1
        assert (await api.lists.Remove(remove, metadata=api.key("acme"))).removed == 1
        assert len((await api.lists.List(spb.SuppressionServiceListRequest(), metadata=api.key("globex"))).suppressions) == 1


@pytest.mark.parametrize("seed", range(5))
async def test_s33_fuzzed_ids_find_nothing(tmp_path, seed):
    async with serving(Place(tmp_path)) as api:
        chance = random.Random(seed)
        job = api.backend.ledger.add_job("acme")
        before = dict(api.backend.ledger.jobs)
        odd = ["", " ", "%", "_", "*", "' OR 1=1 --", "../" + job, job + "\0", job.lower() + " ", "acme/" + job, "\u202e" + job]
        for _ in range(30):
            at = chance.randrange(len(job))
            odd.append(job[:at] + chance.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ%_./ é") + job[at + 1 :])
        for tried in odd:
            name, call = chance.choice(list(calls(api, tried, "globex").items()))
            assert await code_of(call()) in REFUSALS, (name, tried)
        assert api.backend.ledger.jobs == before
