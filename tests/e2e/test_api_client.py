"""The Python client against a real gateway: bundles, breaks, restarts, and errors that say what to mend."""

import threading
import zipfile
from pathlib import Path

import pytest
from hongyan.v1 import jobs_pb2 as pb
from hongyan_client import Client, HongyanClientError, to_dict

from actors.model.errors import Problem
from actors.model.states import JobState, RowState
from gateway.rpc.limits import Limits
from tests.fakes.backend import Line
from tests.fakes.gateway import Place, Threaded, in_thread


def make_bundle(folder: Path, rows: int = 3) -> Path:
    bundle = folder / "帳單"
    (bundle / "images").mkdir(parents=True)
    (bundle / "list.csv").write_text("email\n" + "".join(f"u{n}@a.test\n" for n in range(rows)))
    (bundle / "job.yaml").write_text("name: x\n")
    (bundle / "images" / "標誌.png").write_bytes(bytes(range(256)) * 20_000)
    (bundle / ".DS_Store").write_bytes(b"desktop")
    (bundle / "empty.txt").write_bytes(b"")
    return bundle


def client_of(served: Threaded, account: str = "acme", patience: float = 20.0) -> Client:
    return Client(served.target, served.place.keys[account], patience=patience)


def test_a_folder_becomes_a_job_and_again_the_same(tmp_path):
    bundle, seen = make_bundle(tmp_path), []
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        upload = client.upload_bundle(bundle, lambda sent, total, path: seen.append((sent, total)))
        assert served.backend.vault.list(f"uploads/acme/{upload}") == [
            f"uploads/acme/{upload}/{p}" for p in ("empty.txt", "images/標誌.png", "job.yaml", "list.csv")
        ]
        assert seen == sorted(seen)
        assert seen[-1][0] == seen[-1][1] == sum(f.stat().st_size for f in bundle.rglob("[!.]*") if f.is_file())
        answer = client.submit(upload)
        assert (answer.job.rows, answer.existing) == (3, False)
        served.backend.clock.advance(5)
        again = client.submit(client.upload_bundle(bundle))
        assert (again.job.id, again.existing) == (answer.job.id, True)
        assert client.submit(upload).job.id == answer.job.id  # the files are gone, the receipt is not
        upload = client.upload_bundle(bundle)
        assert client.check(upload).rows == 3
        assert client.submit(upload, "another wish").job.id != answer.job.id


def test_a_bundle_that_is_a_job_already_is_not_uploaded_again(tmp_path):
    bundle, seen = make_bundle(tmp_path), []
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:

        def submitted(key: str = "") -> str:
            return str(client.submit_bundle(bundle, key, lambda sent, total, path: seen.append(sent)).job.id)

        first = submitted()
        assert seen
        seen.clear()
        assert submitted() == first
        assert seen == []
        assert submitted("another wish") != first
        assert seen
        assert served.backend.vault.list("uploads") == []


def test_a_zip_becomes_a_job(tmp_path):
    bundle = tmp_path / "b.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("list.csv", "email\n")
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        upload = client.upload_bundle(bundle)
        assert served.backend.vault.read(f"uploads/acme/{upload}/bundle.zip") == bundle.read_bytes()


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "link"])
def test_what_is_no_bundle_is_said_with_its_place(tmp_path, kind):
    path = tmp_path / "b"
    if kind == "text":
        path.write_text("x")
    elif kind in ("empty", "link"):
        path.mkdir()
    if kind == "link":
        (path / "list.csv").symlink_to("/etc/passwd")
    with Client("127.0.0.1:1", "hy_x", patience=0) as client, pytest.raises(HongyanClientError) as caught:
        client.upload_bundle(path)
    assert str(path) in str(caught.value)


def test_an_upload_goes_on_after_the_gateway_was_killed(tmp_path):
    bundle = make_bundle(tmp_path)
    stopped, offsets = threading.Event(), []
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:

        def kill_once(sent: int, total: int, path: str) -> None:
            offsets.append(sent)
            if sent > total // 2 and not stopped.is_set():
                stopped.set()
                served.down()
                served.up()

        upload = client.upload_bundle(bundle, kill_once)
        assert stopped.is_set()
        stored = served.backend.vault.read(f"uploads/acme/{upload}/images/標誌.png")
        assert stored == (bundle / "images" / "標誌.png").read_bytes()


def test_a_second_process_goes_on_where_the_first_was(tmp_path):
    bundle = make_bundle(tmp_path)
    from hongyan_client.bundle import read_bundle

    whole = read_bundle(bundle)
    image = next(f for f in whole.files if f.path.startswith("images/"))
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        data = image.local.read_bytes()
        header = pb.UploadHeader(upload_id=whole.upload_id, path=image.path, size=image.size)
        part = [pb.UploadRequest(header=header), pb.UploadRequest(chunk=data[:3_000_000])]
        reply = client._jobs.Upload(iter(part), metadata=client._metadata)
        assert (reply.file.committed_size, reply.file.complete) == (3_000_000, False)
        sent: list[int] = []
        assert client.upload_bundle(bundle, lambda done, _, path: sent.append(done)) == whole.upload_id
        assert sent[1] > 3_000_000  # the first report of the image: nothing before the part's end was sent again
        assert served.backend.vault.read(f"uploads/acme/{whole.upload_id}/{image.path}") == data


def test_a_watch_goes_on_over_a_restart_of_the_gateway(tmp_path):
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        ledger = served.backend.ledger
        job = ledger.add_job("acme", 2)
        seen = []
        for change in client.watch(job):
            seen.append(change.counts.delivered)
            if len(seen) == 1:
                served.down()
                ledger.change(job, {RowState.DELIVERED: 2}, state=JobState.DONE)
                served.up()
        assert seen == [0, 2]


def test_outcomes_by_state_and_over_pages(tmp_path):
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        job = served.backend.ledger.add_job("acme", 3000)
        served.backend.ledger.lines[job] = [Line(n, (RowState.DELIVERED, RowState.IN_DOUBT)[n % 2]) for n in range(3000)]
        assert [o.row for o in client.outcomes(job)] == list(range(3000))
        assert [o.row for o in client.outcomes(job, ["in_doubt"])] == list(range(1, 3000, 2))
        with pytest.raises(ValueError, match="MISSPELT"):
            list(client.outcomes(job, ["misspelt"]))


def test_jobs_are_listed_and_steered(tmp_path):
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        made = [served.backend.ledger.add_job("acme") for _ in range(3)]
        assert [j.id for j in client.list()] == made[::-1]
        assert [j.id for j in client.list(limit=2)] == made[:0:-1]
        assert client.pause(made[0], "等").state == pb.JOB_STATE_PAUSED
        assert client.resume(made[0]).state == pb.JOB_STATE_RUNNING
        assert client.cancel(made[0]).state == pb.JOB_STATE_CANCELLED
        assert client.preview(made[0], 2).subject == "您的帳單 2"


def test_all_problems_come_back_however_many(tmp_path):
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        upload = client.upload_bundle(make_bundle(tmp_path))
        served.backend.intake.problems = tuple(
            Problem("list.csv", "地址沒有 @：" + "x" * 40, n, "email") for n in range(1, 801)
        )
        with pytest.raises(HongyanClientError) as caught:
            client.submit(upload)
        error = caught.value
        assert (error.code, error.total, len(error.problems)) == ("INVALID_ARGUMENT", 800, 800)
        assert str(error).splitlines()[0] == "list.csv line 1 column email: 地址沒有 @：" + "x" * 40


def test_suppressions(tmp_path):
    addresses = [f"u{n:05d}@a.test" for n in range(12_000)]
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        answer = client.suppress(addresses, "marketing", "退訂")
        assert (answer.total, answer.added) == (12_000, 12_000)
        assert client.suppress(addresses[:3], "marketing").added == 0
        found = list(client.suppressions(["marketing"]))
        assert [s.address for s in found] == addresses
        assert found[0].reason == "退訂"
        assert list(client.suppressions()) == []
        assert client.unsuppress(addresses[:7000], "marketing") == 7000
        with pytest.raises(HongyanClientError) as caught:
            client.suppress(["a@b.test"] * 10_001 + ["none", "a@bad..test"])
        assert [(p.file, p.line) for p in caught.value.problems] == [("addresses", 10_002)]
        assert list(client.suppressions()) == []
        with pytest.raises(HongyanClientError) as caught:
            client.suppress(["a@b.test"] * 10_001 + ["a@bad..test"])
        assert [(p.file, p.line) for p in caught.value.problems] == [("addresses", 10_002)]


def test_limits_reach_the_caller(tmp_path):
    with in_thread(Place(tmp_path, Limits(upload_bytes=1000))) as served, client_of(served) as client:
        with pytest.raises(HongyanClientError) as caught:
            client.upload_bundle(make_bundle(tmp_path))
        assert caught.value.code == "RESOURCE_EXHAUSTED"
        assert not caught.value.temporary


def test_no_gateway_is_said_after_the_patience(tmp_path):
    with Client("127.0.0.1:1", "hy_x", patience=0.3) as client, pytest.raises(HongyanClientError) as caught:
        client.list()
    assert caught.value.code == "UNAVAILABLE"


def test_messages_become_plain_dictionaries(tmp_path):
    with in_thread(Place(tmp_path)) as served, client_of(served) as client:
        job = served.backend.ledger.add_job("acme", 2**40)
        found = to_dict(client.get(job))
        assert found["state"] == "running"
        assert found["rows"] == found["counts"]["pending"] == 2**40
        assert found["counts"]["bounced"] == 0
        assert found["created_at"] == "2025-12-01T00:00:00Z"
        served.backend.ledger.lines[job] = [Line(1, RowState.RENDER_ERROR)]
        assert to_dict(next(client.outcomes(job)))["state"] == "render_error"
