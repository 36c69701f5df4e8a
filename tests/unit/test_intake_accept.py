"""An acceptance from upload to begun job over the real ledger and renderer: promises, refusals, crashes."""

import asyncio
import errno
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors.intake import actor as actor_module
from actors.intake.actor import Intake
from actors.ledger.actor import Ledger
from actors.model.errors import Conflict, InvalidInput, Problem, Unavailable
from actors.model.job import ADDRESS, BEST, VERDICT, JobRecord, code_column, segment_path, snapshot_path
from actors.model.spec_json import manifest_from_json, spec_from_json
from actors.model.states import JobState, RowState
from actors.renderer.actor import Renderer
from tests.fakes.bundles import CONTROL, bundle_files, upload
from tests.fakes.clock import FakeClock
from tests.fakes.vault import FolderVault

LIST = "email,name\na@x.test,Ann\nbad,Bob\na@x.test,Ann\ngone@x.test,Gus\nc@x.test,Cy\n"
STATES = [RowState.PENDING, RowState.INVALID, RowState.DUPLICATE, RowState.SUPPRESSED, RowState.PENDING]


class AsyncRenderer:
    """The real renderer behind its port."""

    def __init__(self, vault: FolderVault):
        self._renderer = Renderer(vault)

    async def check(self, job: str) -> list[Problem]:
        return await asyncio.to_thread(self._renderer.check, job)

    async def look(self, *arguments: Any) -> Any:
        return await asyncio.to_thread(self._renderer.look, *arguments)

    async def report(self, *arguments: Any) -> Any:
        return await asyncio.to_thread(self._renderer.report, *arguments)


@dataclass
class World:
    vault: FolderVault
    ledger: Ledger
    clock: FakeClock
    intake: Intake
    work: Path

    def snapshot(self, job: str) -> dict[str, bytes]:
        """Every file of a snapshot."""
        folder = snapshot_path(job)
        return {p.removeprefix(f"{folder}/"): self.vault.read(p) for p in self.vault.list(folder)}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    vault = FolderVault(tmp_path / "vault")
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock)
    numbers: Iterator[int] = iter(range(1000))
    intake = Intake(
        vault,
        ledger,
        ledger,
        AsyncRenderer(vault),
        clock,
        str(tmp_path / "work"),
        2,
        lambda now, _: f"{int(now):016d}{next(numbers):010d}",
    )
    await ledger.suppress("acme", "global", ["gone@x.test"], "hard bounce")
    yield World(vault, ledger, clock, intake, tmp_path / "work")
    await ledger.close()
    assert not list((tmp_path / "work").glob("*")), "the work folder is left empty"


async def test_an_upload_becomes_a_job_whose_counts_balance(world: World) -> None:
    control = (
        CONTROL
        + "schedule: {start: 2025-12-02T00:00, deadline: 2025-12-03T00:00, pause: ['12:00-13:00']}\ndelivery: {retry_for: 2h}\n"
    )
    done = await world.intake.accept("acme", upload(world.vault, bundle_files(LIST, control)), "k1")
    status = await world.ledger.status(done.record.job, "acme")
    assert status.balanced
    assert done.counts == {"pending": 2, "invalid": 1, "duplicate": 1, "suppressed": 1}
    assert {s.label: n for s, n in status.counts.items() if n} == done.counts
    assert (await world.ledger.row_states(done.record.job, 0, 5)).tolist() == STATES
    record = done.record
    assert (record.state, record.rows, record.segment_rows, record.retry_for) == (JobState.SCHEDULED, 5, 2, 7200.0)
    assert (record.start_at, record.deadline_at, record.pause) == (1_764_604_800.0, 1_764_691_200.0, ("12:00-13:00",))
    reasons = {o.row: o.reply for o in await world.ledger.outcomes(record.job)}
    assert reasons == {
        1: "no @",
        2: "repeats the address of an earlier row",
        3: "on the suppression list global: hard bounce",
    }


@pytest.mark.parametrize(
    ("kind", "values"),
    [("int", ("5", "", "0")), ("float", ("0.5", "-3", "0")), ("decimal", ("0.50", "-3", "")), ("bool", ("true", "false", ""))],
)
async def test_a_column_tells_who_goes_first(world: World, kind: str, values: tuple[str, str, str]) -> None:
    rows = "".join(f"{name}@x.test,{value}\n" for name, value in zip("abc", values, strict=True))
    control = CONTROL + f"list: {{best: active, columns: {{active: {kind}}}}}\n"
    done = await world.intake.accept("acme", upload(world.vault, bundle_files("email,active\n" + rows, control)), "k1")
    assert done.record.best == 1
    paths = [world.vault.local(segment_path(done.record.job, n)) for n in (0, 1)]
    first = [pa.ipc.open_file(path).read_all().column(BEST).to_pylist() for path in paths]
    assert first == [[True, False], [False]]


@pytest.mark.parametrize(("best", "why"), [("nmae", "no column 'nmae'"), ("name", "column 'name' is text")])
async def test_a_column_that_cannot_tell_who_goes_first_is_refused(world: World, best: str, why: str) -> None:
    control = CONTROL + f"list: {{best: {best}}}\n"
    with pytest.raises(InvalidInput, match=why):
        await world.intake.accept("acme", upload(world.vault, bundle_files(LIST, control)), "k1")


async def test_without_a_start_the_job_runs_at_once(world: World) -> None:
    done = await world.intake.accept("acme", upload(world.vault, bundle_files(LIST)), "k1")
    assert done.record.state is JobState.RUNNING


async def test_the_snapshot_holds_what_the_layout_says(world: World) -> None:
    files = bundle_files(LIST) | {"attachments/terms.pdf": b"%PDF", "unused.bin": b"\0\1"}
    done = await world.intake.accept("acme", upload(world.vault, files), "k1")
    found = world.snapshot(done.record.job)
    assert sorted(found) == [
        "bundle/attachments/terms.pdf", "bundle/body.txt", "bundle/unused.bin", "manifest.json",
        "roster/00000.arrow", "roster/00001.arrow", "roster/00002.arrow", "spec.json",
    ]  # fmt: skip
    manifest = manifest_from_json(found.pop("manifest.json"))
    assert (manifest.rows, manifest.segment_rows, manifest.segments) == (5, 2, 3)
    assert manifest.types == {"email": "text", "name": "text"}
    assert manifest.counts == done.counts
    assert manifest.accepted_at == int(world.clock())
    lines = "".join(f"{hashlib.sha256(data).hexdigest()} {path}\n" for path, data in sorted(found.items()))
    assert manifest.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert spec_from_json(found["spec.json"]).sender.from_ == "Bank <service@bank.test>"
    segment = pa.ipc.open_file(world.vault.local(segment_path(done.record.job, 2))).read_all()
    assert segment.column(ADDRESS).to_pylist() == ["c@x.test"]
    assert segment.column(VERDICT).type == pa.uint8()


async def test_the_same_bundle_gives_the_same_bytes(world: World) -> None:
    folder = upload(world.vault, bundle_files(LIST))
    one = await world.intake.accept("acme", folder, "k1")
    two = await world.intake.accept("acme", folder, "k2")
    assert one.record.job != two.record.job
    assert world.snapshot(one.record.job) == world.snapshot(two.record.job)


async def test_the_same_key_gives_the_same_job(world: World) -> None:
    one = await world.intake.accept("acme", upload(world.vault, bundle_files(LIST)), "k1")
    world.clock.advance(100)
    await world.ledger.suppress("acme", "global", ["c@x.test"], "late")
    again = await world.intake.accept("acme", upload(world.vault, bundle_files(LIST), "uploads/acme/2"), "k1")
    assert (again.record.job, again.counts) == (one.record.job, one.counts)
    with pytest.raises(Conflict):
        await world.intake.accept("acme", upload(world.vault, bundle_files(LIST + "d@x.test,D\n"), "uploads/acme/3"), "k1")
    assert len(await world.ledger.list_jobs("acme")) == 1


async def test_s33_keys_and_suppressions_belong_to_one_account(world: World) -> None:
    folder = upload(world.vault, bundle_files(LIST))
    one = await world.intake.accept("acme", folder, "k1")
    other = await world.intake.accept("umbrella", folder, "k1")
    assert one.record.job != other.record.job
    assert other.counts["suppressed"] == 0


TEMPLATES = ["{{ nam }}", "{% for %}", "{{ name | no_such_function }}", "{{ unclosed"]


@pytest.mark.parametrize("body", TEMPLATES)
async def test_a_template_that_cannot_work_refuses_the_job(world: World, body: str) -> None:
    folder = upload(world.vault, bundle_files(LIST) | {"body.txt": f"line\n{body}"})
    for _ in range(2):  # the same key tells the same again
        with pytest.raises(InvalidInput, match=r"body\.txt line 2"):
            await world.intake.accept("acme", folder, "k1")
    (job,) = await world.ledger.list_jobs("acme")
    assert job.record.state is JobState.REFUSED
    assert "body.txt line 2" in job.record.reason
    with pytest.raises(InvalidInput, match=r"body\.txt line 2"):
        await world.intake.check("acme", folder)


@pytest.mark.parametrize(
    "files", [{"list.csv": LIST}, {"job.yaml": CONTROL, "job.json": "{}", "list.csv": LIST}, {"job.yaml": CONTROL}], ids=str
)
async def test_a_broken_bundle_makes_no_job(world: World, files: dict[str, bytes | str]) -> None:
    with pytest.raises(InvalidInput):
        await world.intake.accept("acme", upload(world.vault, files), "k1")
    assert await world.ledger.list_jobs("acme") == []
    assert not world.vault.exists("jobs")


async def test_check_looks_and_leaves_nothing(world: World) -> None:
    folder = upload(world.vault, bundle_files(LIST.encode("utf-16")))
    seen = await world.intake.check("acme", folder)
    assert seen.counts == {"pending": 2, "invalid": 1, "duplicate": 1, "suppressed": 1}
    assert seen.warnings == ("list.csv: read as utf-16-le",)
    assert await world.ledger.list_jobs("acme") == []
    assert world.vault.list("jobs") == []


class Crash(BaseException):
    """The process ends here."""


STEPS = ["create_job", "snapshot", "manifest", "check", "settle", "settled", "begin_job", "begun"]


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_is_taken_up_by_the_same_call(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    folder = upload(world.vault, bundle_files(LIST))
    undisturbed = await world.intake.accept("acme", folder, "k0")
    with monkeypatch.context() as patch:
        crash_at(patch, world, step)
        with pytest.raises(Crash):
            await world.intake.accept("acme", folder, "k1")
    before = await world.ledger.list_jobs("acme")
    world.clock.advance(3600)
    done = await world.intake.accept("acme", folder, "k1")
    assert {j.record.job for j in await world.ledger.list_jobs("acme")} >= {j.record.job for j in before}
    assert len(await world.ledger.list_jobs("acme")) == 2
    status = await world.ledger.status(done.record.job)
    assert status.balanced
    assert (await world.ledger.row_states(done.record.job, 0, 5)).tolist() == STATES
    assert done.record.state is JobState.RUNNING
    if step != "create_job":
        assert world.snapshot(done.record.job) == world.snapshot(undisturbed.record.job)


def crash_at(patch: pytest.MonkeyPatch, world: World, step: str) -> None:
    async def crash(*_: object) -> None:
        raise Crash

    async def crash_after(call: object, *arguments: object) -> None:
        await call(*arguments)  # type: ignore[operator]
        raise Crash

    def crash_on(part: str) -> object:
        write = world.vault.write

        def wrapped(path: str, data: bytes) -> None:
            if path.endswith(part):
                raise Crash
            write(path, data)

        return wrapped

    ledger = world.ledger
    if step == "snapshot":
        patch.setattr(world.vault, "write", crash_on("00001.arrow"))
    elif step == "manifest":
        patch.setattr(world.vault, "write", crash_on("manifest.json"))
    elif step == "check":
        patch.setattr(world.intake._renderer, "check", crash)
    elif step in ("settled", "begun"):
        name = {"settled": "settle", "begun": "begin_job"}[step]
        call = getattr(ledger, name)
        patch.setattr(ledger, name, lambda *arguments: crash_after(call, *arguments))
    else:
        patch.setattr(ledger, step, crash)


async def test_a_full_disk_is_unavailable_and_the_call_may_be_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = upload(world.vault, bundle_files(LIST))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("actors.intake.roster._keep", full)
        with pytest.raises(Unavailable, match="ENOSPC"):
            await world.intake.accept("acme", folder, "k1")
    assert (await world.intake.accept("acme", folder, "k1")).record.state is JobState.RUNNING


async def test_a_ledger_that_is_away_leaves_a_job_that_is_taken_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = upload(world.vault, bundle_files(LIST))

    async def away(record: JobRecord) -> JobRecord:
        raise Unavailable("ledger", "restarting")

    with monkeypatch.context() as patch:
        patch.setattr(world.ledger, "begin_job", away)
        with pytest.raises(Unavailable):
            await world.intake.accept("acme", folder, "k1")
    assert [j.record.state for j in await world.ledger.list_jobs("acme")] == [JobState.ACCEPTING]
    assert (await world.intake.accept("acme", folder, "k1")).record.state is JobState.RUNNING


async def test_a_list_that_changes_between_the_readings_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = upload(world.vault, bundle_files(LIST))
    write = actor_module.write_snapshot

    def swap(*arguments: object) -> object:
        upload(world.vault, {"list.csv": LIST + "d@x.test,D\n"})
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(actor_module, "write_snapshot", swap)
    with pytest.raises(InvalidInput, match="the list changed while it was read"):
        await world.intake.accept("acme", folder, "k1")
    assert (await world.ledger.list_jobs("acme"))[0].record.state is JobState.REFUSED
    upload(world.vault, {"list.csv": LIST})
    with pytest.raises(InvalidInput, match="the list changed while it was read"):
        await world.intake.accept("acme", folder, "k1")


async def test_settling_goes_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor_module, "SETTLE_ROWS", 4)
    lines = "email\n" + "".join(f"{'' if i % 3 else 'u'}{i}{'' if i % 2 else '@x.test'}\n" for i in range(31))
    sizes = []
    settle = world.ledger.settle

    async def counted(job: str, rows: np.ndarray, states: np.ndarray, reasons: list[str]) -> None:
        sizes.append(len(rows))
        await settle(job, rows, states, reasons)

    monkeypatch.setattr(world.ledger, "settle", counted)
    done = await world.intake.accept("acme", upload(world.vault, bundle_files(lines)), "k1")
    assert max(sizes) <= 4
    assert sum(sizes) == done.counts["invalid"] == 15
    assert (await world.ledger.status(done.record.job)).balanced


async def test_the_zip_of_a_bundle_is_the_same_payload(world: World) -> None:
    from tests.unit.test_intake_bundle import zipped

    files = bundle_files(LIST)
    one = await world.intake.accept("acme", upload(world.vault, files), "k1")
    data = zipped([(n, d.encode() if isinstance(d, str) else d) for n, d in files.items()])
    again = await world.intake.accept("acme", upload(world.vault, {"bundle.zip": data}, "uploads/acme/2"), "k1")
    assert again.record.job == one.record.job


async def test_a_check_tells_how_far_its_look_has_come(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = upload(world.vault, bundle_files(LIST, CONTROL))
    seen: list[tuple[int, int] | None] = []
    real = AsyncRenderer.look

    async def look(self: AsyncRenderer, *arguments: Any) -> Any:
        seen.append(await world.intake.looked("acme", folder))
        assert await world.intake.looked("other", folder) is None
        return await real(self, *arguments)

    monkeypatch.setattr(AsyncRenderer, "look", look)
    await world.intake.check("acme", folder)
    assert seen[0] == (0, 5)
    assert seen == sorted(seen)
    assert await world.intake.looked("acme", folder) is None
    broken = upload(world.vault, {"job.yaml": "x"}, "uploads/acme/broken")
    with pytest.raises(InvalidInput):
        await world.intake.check("acme", broken)
    assert await world.intake.looked("acme", broken) is None


async def test_spec_json_is_the_whole_spec(world: World) -> None:
    done = await world.intake.accept("acme", upload(world.vault, bundle_files(LIST)), "k1")
    spec = json.loads(world.snapshot(done.record.job)["spec.json"])
    assert spec["list"]["rules"] == {"dedupe": "email", "suppress": ["global"]}
    assert spec["delivery"]["retry_for"] == 172800.0


async def test_a_list_that_fails_a_gate_is_refused_before_anything_is_sent(world: World) -> None:
    gated = CONTROL.replace("content: {", "content: {gates: {max_rows: 1}, ")
    assert gated != CONTROL
    folder = upload(world.vault, bundle_files(LIST, gated))
    for _ in range(2):  # the same key again gives the same answer
        with pytest.raises(InvalidInput) as refused:
            await world.intake.accept("acme", folder, "k1")
        assert "max_rows: the gate is 1, the list has 2" in refused.value.problems[0].message
    (status,) = await world.ledger.list_jobs("acme", 10, "")
    assert status.record.state is JobState.REFUSED
    checked = await world.intake.check("acme", folder)
    assert checked.report is not None
    assert [g["passed"] for g in checked.report["gates"]] == [False]
    assert (await world.intake.check("acme", folder, whole=False)).report is None
    accepted = await world.intake.accept("acme", folder, "k2", gates=False)
    assert accepted.record.state is not JobState.REFUSED


async def test_a_job_without_gates_is_not_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.intake, "_look", None)
    folder = upload(world.vault, bundle_files(LIST))
    assert (await world.intake.accept("acme", folder, "k1")).counts["pending"] == 2


POOL = "code\nAB-1\n0002\nAB-1\n\nAB-3\n"
WITH_CODES = CONTROL.replace("subject: hello", "subject: \"{{ claim_code('coupons', email) }}\"")


def codes_of(world: World, job: str) -> list[str | None]:
    """The codes that stand in a job's snapshot."""
    segments = [p for p in world.vault.list(snapshot_path(job)) if "/roster/" in p]
    return [
        c
        for p in segments
        for c in pa.ipc.open_file(world.vault.local(p)).read_all().column(code_column("coupons")).to_pylist()
    ]


async def test_rows_that_may_be_sent_take_a_code_each(world: World) -> None:
    folder = upload(world.vault, bundle_files(LIST, WITH_CODES) | {"pools/coupons.csv": POOL})
    done = await world.intake.accept("acme", folder, "k1")
    assert codes_of(world, done.record.job) == ["AB-1", None, None, None, "0002"]
    manifest = manifest_from_json(world.snapshot(done.record.job)["manifest.json"])
    assert (manifest.pools, list(manifest.types)) == (("coupons",), ["email", "name"])
    renderer = Renderer(world.vault)
    assert [renderer.preview(done.record.job, row, 1).subject for row in (0, 4)] == ["AB-1", "0002"]


async def test_a_pool_that_is_too_small_refuses_the_job_with_the_numbers_and_keeps_its_codes(world: World) -> None:
    files = bundle_files(LIST, WITH_CODES) | {"pools/coupons.csv": POOL}
    first = await world.intake.accept("acme", upload(world.vault, files), "k1")
    for key in ("k2", "k3"):
        with pytest.raises(InvalidInput) as caught:
            await world.intake.accept("acme", upload(world.vault, files, f"uploads/acme/{key}"), key)
        (problem,) = caught.value.problems
        assert (problem.file, problem.message) == (
            "pools/coupons.csv", "has 1 free codes, and 2 rows need one each; add 1 codes",
        )  # fmt: skip
    more = files | {"pools/coupons.csv": POOL + "AB-4\n"}
    second = await world.intake.accept("acme", upload(world.vault, more, "uploads/acme/4"), "k4")
    assert codes_of(world, second.record.job) == ["AB-3", None, None, None, "AB-4"]
    assert codes_of(world, first.record.job)[0] == "AB-1"


async def test_a_crash_after_the_claim_gives_the_same_codes_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    files = bundle_files(LIST, WITH_CODES) | {"pools/coupons.csv": POOL}

    def crash(*_: object) -> None:
        raise RuntimeError("crash")

    with monkeypatch.context() as broken:
        broken.setattr(actor_module, "write_snapshot", crash)
        with pytest.raises(RuntimeError):
            await world.intake.accept("acme", upload(world.vault, files), "k1")
    done = await world.intake.accept("acme", upload(world.vault, files), "k1")
    assert codes_of(world, done.record.job) == ["AB-1", None, None, None, "0002"]
    assert await world.ledger.available_codes("acme", "coupons", done.record.job) == 3


async def test_a_check_shows_codes_of_the_file_and_claims_none(world: World) -> None:
    files = bundle_files(LIST, WITH_CODES) | {"pools/coupons.csv": POOL}
    await world.intake.check("acme", upload(world.vault, files), False)
    few = files | {"pools/coupons.csv": "code\nX\n"}
    with pytest.raises(InvalidInput, match="has 1 free codes, and 2 rows need one each"):
        await world.intake.check("acme", upload(world.vault, few, "uploads/acme/2"), False)
    wrong = files | {"job.yaml": WITH_CODES.replace("'coupons'", "'coupon'")}
    with pytest.raises(InvalidInput, match=r"pool names no pool of the bundle .did you mean coupons"):
        await world.intake.check("acme", upload(world.vault, wrong, "uploads/acme/3"), False)
    done = await world.intake.accept("acme", upload(world.vault, files, "uploads/acme/4"), "k1")
    assert codes_of(world, done.record.job)[0] == "AB-1"
