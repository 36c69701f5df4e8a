"""An upload goes once its job was made: for nobody half, whatever dies meanwhile, and the same Submit finds its job again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.model.errors import Conflict, NotFound, Unavailable
from gateway.rpc import backend
from gateway.rpc.limits import Limits
from gateway.rpc.receipts import Receipt, from_json, leaving_path, receipt_path, spec_digest
from gateway.rpc.spool import Spool
from gateway.rpc.upload_index import FileWish
from gateway.rpc.uploads import Uploads
from tests.fakes.vault import FolderVault

UPLOAD = "upload-0001"
FOLDER = f"uploads/acme/{UPLOAD}"
RECEIPT = Receipt("J1", "", ("a warning",))


class FailingVault(FolderVault):
    """Takes nothing at the paths in `away`."""

    away: tuple[str, ...] = ()

    def write(self, path: str, data: bytes) -> None:
        if path.startswith(self.away or "\0"):
            raise Unavailable("vault", "away")
        super().write(path, data)


async def stream(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FailingVault:
    monkeypatch.setattr(backend, "PAUSES", ())
    return FailingVault(tmp_path / "vault")


def gateway(vault: FolderVault) -> Uploads:
    """As after a restart."""
    return Uploads(vault, Spool(vault.root.parent / "spool"), Limits())


async def fill(uploads: Uploads, data: bytes = b"abc") -> None:
    for name in ("a.csv", "b.txt", "c.txt"):
        await uploads.take("acme", FileWish(UPLOAD, name, 0, len(data)), stream(data))


async def submit(uploads: Uploads, key: str = "k") -> None:
    async with uploads.whole("acme", UPLOAD):
        await uploads.finish("acme", UPLOAD, key, RECEIPT)


async def test_a_finished_upload_is_gone_and_its_receipt_stays(vault: FailingVault) -> None:
    uploads = gateway(vault)
    await fill(uploads)
    await submit(uploads)
    assert vault.list("uploads") == []
    assert vault.list("receipts") == [receipt_path("acme", UPLOAD, "k")]
    for again in (uploads, gateway(vault)):
        assert await again.query("acme", UPLOAD) == []
        assert await again.receipt("acme", UPLOAD, "k") == RECEIPT
        with pytest.raises(NotFound):
            await again.receipt("acme", UPLOAD, "another key")
        with pytest.raises(NotFound):
            await again.receipt("globex", UPLOAD, "k")


async def test_an_upload_without_a_job_stays(vault: FailingVault) -> None:
    uploads = gateway(vault)
    await fill(uploads)
    async with uploads.whole("acme", UPLOAD):
        pass
    assert len(vault.list(FOLDER)) == 3


async def test_files_stay_while_somebody_else_reads_them(vault: FailingVault) -> None:
    uploads = gateway(vault)
    await fill(uploads)
    async with uploads.whole("acme", UPLOAD):
        await submit(uploads)
        assert len(vault.list(FOLDER)) == 3
    assert vault.list("uploads") == []


async def test_files_stay_when_somebody_fills_the_upload_anew(vault: FailingVault) -> None:
    uploads = gateway(vault)
    await fill(uploads)
    async with uploads.whole("acme", UPLOAD):
        await uploads.finish("acme", UPLOAD, "k", RECEIPT)
        await fill(uploads, b"other")
    assert vault.read(f"{FOLDER}/a.csv") == b"other"
    await submit(uploads, "k2")
    assert vault.list("uploads") == []


async def test_a_removal_that_broke_off_is_ended_before_anybody_looks(vault: FailingVault) -> None:
    """Half an upload must never be taken for a bundle."""
    uploads = gateway(vault)
    await fill(uploads)
    vault.write(leaving_path("acme", UPLOAD), b"")
    vault.delete(f"{FOLDER}/a.csv")
    assert await gateway(vault).query("acme", UPLOAD) == []
    assert vault.list("uploads") == []
    assert not vault.exists(leaving_path("acme", UPLOAD))
    after = gateway(vault)
    await fill(after)
    assert len(await after.query("acme", UPLOAD)) == 3


async def test_calls_during_a_removal_see_nothing_or_all(vault: FailingVault) -> None:
    uploads = gateway(vault)
    await fill(uploads)

    async def look() -> int:
        return len(await uploads.query("acme", UPLOAD))

    found = await asyncio.gather(submit(uploads), *(look() for _ in range(20)))
    later = [await look() for _ in range(5)]
    assert {*found[1:], *later} <= {0, 3}
    assert later[-1] == 0


async def test_a_vault_that_is_away_puts_it_off(vault: FailingVault) -> None:
    uploads = gateway(vault)
    await fill(uploads)
    vault.away = ("receipts",)
    await submit(uploads)
    assert len(vault.list(FOLDER)) == 3
    vault.away = ()
    await submit(uploads)
    assert vault.list("uploads") == []


def test_a_receipt_knows_the_spec_that_came_with_the_key() -> None:
    one = Receipt("J1", spec_digest(b"{}"), ("w",))
    assert from_json(one.to_json()) == one
    one.check("k", spec_digest(b"{}"))
    for other in (spec_digest(b"{ }"), spec_digest(None)):
        with pytest.raises(Conflict):
            one.check("k", other)


def test_keys_are_no_paths() -> None:
    assert receipt_path("acme", UPLOAD, "../../x").startswith(f"receipts/acme/{UPLOAD}/")
    assert ".." not in receipt_path("acme", UPLOAD, "../../x")
