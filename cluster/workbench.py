"""A bundle looked at without any cluster: accepted into a folder that is thrown away, then rendered in this process.

The same intake, ledger and renderer classes as in a running system, so what is shown here is what would be sent.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from actors.model.delivery import Envelopes
from actors.model.errors import InvalidInput, Problem
from actors.model.job import Accepted
from actors.model.ports import ExplainedSlot
from actors.model.states import RowState
from cluster import names
from cluster.config import Config
from cluster.inprocess import Local

ACCOUNT = "local"
UPLOAD = f"uploads/{ACCOUNT}/bundle"
SHARD_ROWS = 256  # what a lease holds; more would only take memory


class Workbench:
    """One accepted bundle: `accepted` tells its rows, the renderer gives its mails."""

    def __init__(self, local: Local, accepted: Accepted):
        self._local = local
        self.accepted = accepted
        self.job = accepted.record.job

    @property
    def renderer(self) -> Any:
        return self._local.port(names.renderer(0))

    async def preview(self, row: int) -> Any:
        """One row's finished message and values; InvalidInput if the list has no such row."""
        if not 0 <= row < self.accepted.record.rows:
            last = self.accepted.record.rows - 1
            raise InvalidInput((Problem("list", f"there is no row {row}: rows are numbered from 0 to {last}"),))
        return await self.renderer.preview(self.job, row, int(time.time()))

    async def explain(self) -> list[ExplainedSlot]:
        """How each slot of the bundle's templates is worked out."""
        slots: list[ExplainedSlot] = await self.renderer.explain(self.job)
        return slots

    async def envelopes(self) -> AsyncIterator[Envelopes]:
        """All pending rows' messages, some hundred at a time."""
        record, ledger, stamp = self.accepted.record, self._local.port(names.LEDGER), int(time.time())
        for segment, first in enumerate(range(0, record.rows, record.segment_rows)):
            states = await ledger.row_states(self.job, first, min(first + record.segment_rows, record.rows))
            pending = np.flatnonzero(states == RowState.PENDING) + first
            for start in range(0, len(pending), SHARD_ROWS):
                rows = pending[start : start + SHARD_ROWS]
                yield await self.renderer.render(self.job, segment, rows, np.full(len(rows), stamp))


@asynccontextmanager
async def opened(bundle: Path, config: Config) -> AsyncIterator[Workbench]:
    """Accepts the bundle (folder or zip); InvalidInput names every problem."""
    with tempfile.TemporaryDirectory(prefix="hongyan-look-") as folder:
        private = config.model_copy(
            update={"data": Path(folder), "vault": "", "ledger": "", "ledger_password": "", "renderers": 1}
        )
        local = Local(private)
        vault = local.parts.vault()
        vault.create()
        for name, file in _files(bundle):
            await asyncio.to_thread(vault.put_file, f"{UPLOAD}/{name}", str(file))
        try:
            accepted = await local.port(names.INTAKE).accept(ACCOUNT, UPLOAD, "look")
            yield Workbench(local, accepted)
        finally:
            await local.port(names.LEDGER).close()
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).mkdir(exist_ok=True)


def _files(bundle: Path) -> Iterator[tuple[str, Path]]:
    if bundle.is_file():
        yield bundle.name, bundle
        return
    if not bundle.is_dir():
        raise InvalidInput((Problem(str(bundle), "is neither a folder nor a zip file"),))
    for file in sorted(bundle.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(bundle).as_posix(), file
