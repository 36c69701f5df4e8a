"""S34: what the API does with callers and bytes that mean no good. Nothing crashes, nothing leaks, nothing is half done."""

import asyncio
import json

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hongyan.v1 import jobs_pb2 as pb
from hongyan.v1 import suppressions_pb2

from actors.model.errors import InvalidInput
from gateway.rpc.auth import add_key, digest, new_key
from gateway.rpc.limits import Limits
from gateway.rpc.listen import Listen
from tests.fakes.gateway import Place, Served, serving, steps

SERVICES = {
    "hongyan.v1.JobService": [m.name for m in pb.DESCRIPTOR.services_by_name["JobService"].methods],
    "hongyan.v1.SuppressionService": [
        m.name for m in suppressions_pb2.DESCRIPTOR.services_by_name["SuppressionService"].methods
    ],
    "hongyan.v1.NoSuchService": ["Get"],
    "grpc.reflection.v1alpha.ServerReflection": ["ServerReflectionInfo"],
}
METHODS = [f"/{service}/{method}" for service, methods in SERVICES.items() for method in methods]


async def refused(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def raw(
    api: Served, method: str, data: bytes = b"", metadata: tuple = (), timeout: float | None = 20
) -> grpc.aio.AioRpcError:
    """The error of a call with any bytes; a unary call and a stream of one message are the same on the wire."""
    return await refused(api.channel.unary_unary(method)(data, metadata=metadata, timeout=timeout))


def wrong_keys(key: str) -> list[tuple[tuple[str, str], ...]]:
    return [
        (),
        (("authorization", ""),),
        (("authorization", key),),
        (("authorization", "Bearer "),),
        (("authorization", f"Basic {key}"),),
        (("authorization", f"Bearer {new_key()}"),),
        (("authorization", f"Bearer {key[:-1]}"),),
        (("authorization", f"Bearer {key} "),),
        (("authorization", f"Bearer {key.lower()}"),),
        (("authorization", f"Bearer {digest(key)}"),),
        (("authorization", f"Bearer hy_{'A' * 43}"),),
        (("authorization", f"Bearer {key}"), ("authorization", f"Bearer {key}")),
    ]


@pytest.mark.parametrize("method", METHODS)
async def test_s34_without_a_valid_key_nothing_answers(tmp_path, method):
    async with serving(Place(tmp_path)) as api:
        for metadata in wrong_keys(api.place.keys["acme"]):
            error = await raw(api, method, b"", metadata)
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED, metadata
        assert api.backend.ledger.calls == []


async def test_health_answers_anyone(tmp_path):
    async with serving(Place(tmp_path)) as api:
        stub = health_pb2_grpc.HealthStub(api.channel)
        for service in ("", "hongyan.v1.JobService", "hongyan.v1.SuppressionService"):
            reply = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert reply.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("shown", [True, False])
async def test_reflection_needs_a_key_and_can_be_off(tmp_path, shown):
    async with serving(Place(tmp_path, reflection=shown)) as api:
        stub = reflection_pb2_grpc.ServerReflectionStub(api.channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        call = stub.ServerReflectionInfo(asked, metadata=api.key())
        if not shown:
            assert (await refused(call.read())).code() == grpc.StatusCode.UNIMPLEMENTED
            return
        names = {s.name for s in (await call.read()).list_services_response.service}
        assert {"hongyan.v1.JobService", "hongyan.v1.SuppressionService"} <= names


async def test_a_key_works_and_stops_working_without_a_restart(tmp_path):
    async with serving(Place(tmp_path)) as api:
        file, key = tmp_path / "keys.jsonl", new_key()
        mine = (("authorization", f"Bearer {key}"),)

        async def code() -> grpc.StatusCode:
            try:
                await api.jobs.List(pb.ListRequest(), metadata=mine)
            except grpc.aio.AioRpcError as error:
                return error.code()
            return grpc.StatusCode.OK

        assert await code() == grpc.StatusCode.UNAUTHENTICATED
        before = file.read_text()
        add_key(file, "initech", key, 0.0)
        async with asyncio.timeout(60):
            while await code() != grpc.StatusCode.OK:
                await asyncio.sleep(0.05)
        file.write_text(before)
        async with asyncio.timeout(60):
            while await code() != grpc.StatusCode.UNAUTHENTICATED:
                await asyncio.sleep(0.05)


async def test_a_first_start_on_loopback_makes_a_key_and_says_where(tmp_path, capsys):
    place = Place(tmp_path)
    place.keys = {"acme": "", "globex": ""}  # nothing is written
    async with serving(place) as api:
        file = tmp_path / "api.key"
        assert str(file) in capsys.readouterr().out
        assert file.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "keys.jsonl").stat().st_mode & 0o777 == 0o600
        key = file.read_text().strip()
        assert key not in (tmp_path / "keys.jsonl").read_text()
        assert json.loads((tmp_path / "keys.jsonl").read_text())["account"] == "default"
        await api.jobs.List(pb.ListRequest(), metadata=(("authorization", f"Bearer {key}"),))
    async with serving(place):  # a second start keeps it
        assert file.read_text().strip() == key
        assert capsys.readouterr().out == ""


async def test_outside_loopback_neither_plain_text_nor_a_missing_key_starts(tmp_path):
    place = Place(tmp_path, listen=Listen("0.0.0.0:0"))
    with pytest.raises(InvalidInput, match="TLS"):
        async with serving(place):
            pass
    place = Place(tmp_path / "other", listen=Listen("0.0.0.0:0", allow_plaintext=True), keys={"acme": ""})
    with pytest.raises(InvalidInput, match="hongyan key add"):
        async with serving(place):
            pass


async def test_s34_an_oversize_message_is_refused(tmp_path):
    async with serving(Place(tmp_path, Limits(message_bytes=100_000))) as api:
        error = await refused(
            api.jobs.Upload(iter(steps(pb.UploadHeader(path="a"), b"x" * 200_000, 200_000)), metadata=api.key())
        )
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await api.jobs.List(pb.ListRequest(), metadata=api.key()) == pb.ListResponse()


async def test_s34_a_million_elements_are_refused(tmp_path):
    async with serving(Place(tmp_path)) as api:
        million = suppressions_pb2.SuppressionServiceAddRequest(addresses=["a"] * 1_000_000)
        assert (await refused(api.lists.Add(million, metadata=api.key()))).code() == grpc.StatusCode.INVALID_ARGUMENT
        many = pb.OutcomesRequest(job="01J", states=[99] * 1_000_000)
        error = await refused(api.jobs.Outcomes(many, metadata=api.key()).read())
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


def nested(depth: int) -> bytes:
    """Field 15 as groups in groups: no recursion limit, no end."""
    return b"\x7b" * depth + b"\x7c" * depth


BROKEN = {
    "deep": nested(1_000_000),
    "cut": b"\x0a\x7fab",
    "utf8": b"\x0a\x02\xff\xfe",
    "varint": b"\xff" * 50,
    "wiretype": b"\x0f\x0e",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
async def test_s34_bytes_that_are_no_message_are_refused(tmp_path, data):
    async with serving(Place(tmp_path)) as api:
        for method in ("Get", "Submit", "Check", "Watch", "Outcomes", "Preview", "Upload"):
            error = await raw(api, f"/hongyan.v1.JobService/{method}", data, api.key())
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, method
        assert await api.jobs.List(pb.ListRequest(), metadata=api.key()) == pb.ListResponse()


async def test_s34_a_deadline_of_a_millisecond_leaves_nothing_half_done(tmp_path):
    async with serving(Place(tmp_path)) as api:
        upload = (await api.upload("list.csv", b"email\na@b.test\n")).upload_id
        api.backend.intake.gate.clear()
        request = pb.SubmitRequest(upload_id=upload, idempotency_key="k")
        for _ in range(20):
            error = await refused(api.jobs.Submit(request, metadata=api.key(), timeout=0.001))
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert api.backend.ledger.jobs == {}
        api.backend.intake.gate.set()
        await api.jobs.Submit(request, metadata=api.key())
        assert len(api.backend.ledger.jobs) == 1


async def test_s34_a_cancelled_import_adds_nothing(tmp_path):
    async with serving(Place(tmp_path)) as api:
        call = api.lists.Import(metadata=api.key())
        make = suppressions_pb2.SuppressionServiceImportRequest
        await call.write(make(header=suppressions_pb2.ImportHeader(scope="global")))
        await call.write(make(batch=suppressions_pb2.AddressBatch(addresses=["a@b.test"] * 1000)))
        call.cancel()
        await asyncio.sleep(0.05)
        half = [make(header=suppressions_pb2.ImportHeader()), make(batch=suppressions_pb2.AddressBatch(addresses=["a@b.test"]))]
        assert (await refused(api.lists.Import(iter(half), metadata=api.key()))).code() == grpc.StatusCode.INVALID_ARGUMENT
        assert api.backend.ledger.suppressions == {}


async def test_s34_large_metadata_is_refused(tmp_path):
    async with serving(Place(tmp_path)) as api:
        error = await refused(api.jobs.List(pb.ListRequest(), metadata=(*api.key(), ("x-a", "b" * 60_000))))
        assert error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
        assert await api.jobs.List(pb.ListRequest(), metadata=api.key()) == pb.ListResponse()


async def test_streams_and_calls_of_an_account_are_limited(tmp_path):
    async with serving(Place(tmp_path, Limits(streams=3, calls_per_second=0.001, burst=5))) as api:
        job = api.backend.ledger.add_job("acme")
        watches = [api.jobs.Watch(pb.WatchRequest(job=job), metadata=api.key()) for _ in range(3)]
        for watch in watches:
            assert (await watch.read()).job.id == job
        error = await refused(api.jobs.Get(pb.GetRequest(job=job), metadata=api.key()))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "calls under way" in error.details()
        await api.jobs.List(pb.ListRequest(), metadata=api.key("globex"))  # another account is not held up
        await refused(api.jobs.Get(pb.GetRequest(job=job), metadata=api.key()))
        assert "calls a second" in (await refused(api.jobs.Get(pb.GetRequest(job=job), metadata=api.key()))).details()
