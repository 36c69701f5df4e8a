"""A bundle looked at without any cluster: accepted into a folder that is thrown away, then rendered in this process.

The same intake, ledger and renderer classes as in a running system, so what is shown here is what would be sent.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from actors.intake.ids import repeatable_id
from actors.intake.looking import AT_ONCE, look_over
from actors.model.errors import InvalidInput, Problem
from actors.model.job import Accepted, snapshot_path
from actors.model.renderports import ExplainedSlot
from actors.model.rendersettings import Identity, TemplateKeys, TimeLimit
from actors.model.spec_json import spec_from_json, spec_to_json
from cluster import names
from cluster.config import Config
from cluster.inprocess import Local
from cluster.lookers import WORTH_ROWS, cores, pool
from cluster.vault import Vault

ACCOUNT = "local"
UPLOAD = f"uploads/{ACCOUNT}/bundle"


class Workbench:
    """One accepted bundle: `accepted` tells its rows, the renderer gives its mails."""

    def __init__(self, local: Local, accepted: Accepted):
        self._local = local
        self.accepted = accepted
        self.job = accepted.record.job
        self.vault: Vault = local.parts.vault()
        self.identities: tuple[Identity, ...] = local.parts.identities()
        self.keys: TemplateKeys = local.parts.template_keys()
        self.limit: TimeLimit = local.parts.time_limit()

    @property
    def renderer(self) -> Any:
        return self._local.port(names.renderer(0))

    async def preview(self, row: int) -> Any:
        """One row's finished message and values; InvalidInput if the list has no such row."""
        if not 0 <= row < self.accepted.record.rows:
            last = self.accepted.record.rows - 1
            raise InvalidInput((Problem("list", f"there is no row {row}: rows are numbered from 0 to {last}"),))
        return await self.renderer.preview(self.job, row, int(time.time()))

    async def look(self, progress: Callable[[int], None] | None = None) -> dict[str, Any]:
        """The report of a look at all rows; `progress` is told how many rows were looked at. Long lists use all cores."""
        record, stamp, workers = self.accepted.record, int(time.time()), cores()
        if record.rows < WORTH_ROWS or workers < 2:
            look = await look_over([self.renderer], self.job, record.rows, record.segment_rows, stamp, progress=progress)
        else:
            with pool(self._local.parts.config, workers) as lookers:
                look = await look_over(
                    [lookers], self.job, record.rows, record.segment_rows, stamp, AT_ONCE * workers, progress
                )
        found: dict[str, Any] = await self.renderer.report(self.job, look, stamp)
        return found

    async def explain(self) -> list[ExplainedSlot]:
        """How each slot of the bundle's templates is worked out, and how fast on its list."""
        slots: list[ExplainedSlot] = await self.renderer.explain(self.job, time.perf_counter)
        return slots


@asynccontextmanager
async def opened(bundle: Path, config: Config) -> AsyncIterator[Workbench]:
    """Accepts the bundle (folder or zip); InvalidInput names every problem."""
    with tempfile.TemporaryDirectory(prefix="hongyan-look-", ignore_cleanup_errors=True) as folder:
        local = Local(_private(config, Path(folder)))
        try:
            yield Workbench(local, await _accept(local, bundle))
        finally:
            await local.port(names.LEDGER).close()


def accepted_at(stamp: int, as_of: datetime | None, bundle: Path, config: Config, folder: Path) -> Workbench:
    """The bundle as it would be accepted at that second, in a folder that the caller throws away.

    The job's id follows from bundle, stamp and `as_of`, which stands for the bundle's own. InvalidInput names every problem."""

    async def accept() -> Workbench:
        local = Local(
            _private(config, folder), lambda: float(stamp), lambda now, payload: repeatable_id(now, f"{payload} {as_of}")
        )
        try:
            accepted = await _accept(local, bundle, gates=True)
        finally:
            await local.port(names.LEDGER).close()
        if as_of:
            _set_as_of(local.parts.vault(), accepted.record.job, as_of)
        return Workbench(local, accepted)

    return asyncio.run(accept())


def _private(config: Config, folder: Path) -> Config:
    update = {"data": folder, "vault": "", "ledger": "", "ledger_password": "", "renderers": 1}
    return config.model_copy(update=update | {"template_keys": {ACCOUNT: _local_keys(config)}})


def _local_keys(config: Config) -> dict[str, str]:
    """The template keys that stand in a look: those of the account `local`, else of `default`, else of the only account."""
    found = config.template_keys
    only = next(iter(found.values())) if len(found) == 1 else {}
    return found.get(ACCOUNT) or found.get("default") or only


async def _accept(local: Local, bundle: Path, gates: bool = False) -> Accepted:
    vault = local.parts.vault()
    vault.create()
    for name, file in _files(bundle):
        await asyncio.to_thread(vault.put_file, f"{UPLOAD}/{name}", str(file))
    accepted: Accepted = await local.port(names.INTAKE).accept(ACCOUNT, UPLOAD, "look", gates)
    return accepted


def _set_as_of(vault: Vault, job: str, as_of: datetime) -> None:
    """In the snapshot, before the renderer has read it."""
    path = f"{snapshot_path(job)}/spec.json"
    spec = spec_from_json(vault.read(path))
    vault.write(path, spec_to_json(replace(spec, content=replace(spec.content, as_of=as_of))))


def _files(bundle: Path) -> Iterator[tuple[str, Path]]:
    if bundle.is_file():
        yield bundle.name, bundle
        return
    if not bundle.is_dir():
        raise InvalidInput((Problem(str(bundle), "is neither a folder nor a zip file"),))
    for file in sorted(bundle.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(bundle).as_posix(), file
