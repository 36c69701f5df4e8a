"""Result files of ended jobs: asked for once no row is on the wire any more, again and again until they are written.

What a crash left unwritten is found when a new conductor starts. Writing itself is the results role's.
"""

import asyncio
import logging

from actors.model.errors import HongyanError
from actors.model.ports import JobLedger, Results
from actors.model.states import ENDED_JOB_STATES, JobState, RowState

log = logging.getLogger(__name__)

RECENT_JOBS = 1_000  # ended jobs that a new conductor looks through for missing result files
MOST_PAUSE = 60.0


class Closing:
    """One task a job that has ended. `pause`: seconds between looks, doubled after each failure."""

    def __init__(self, ledger: JobLedger, results: Results, pause: float):
        self._ledger, self._results, self._pause = ledger, results, pause
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._anew: set[str] = set()  # ended once more while their files were being written

    async def close_forgotten(self) -> None:
        """Ended jobs whose result files are missing."""
        for status in await self._ledger.list_jobs("", RECENT_JOBS):
            if status.record.state in ENDED_JOB_STATES - {JobState.REFUSED}:
                self.close(status.record.job, again=True)

    def close(self, job: str, again: bool = False) -> None:
        """Starts the job's task unless it runs. `again`: files that are there stay as they are."""
        if job in self._tasks:
            self._anew.add(job)
            return
        task = self._tasks[job] = asyncio.get_running_loop().create_task(self._write(job, again))
        task.add_done_callback(lambda _: self._closed(job))

    def _closed(self, job: str) -> None:
        del self._tasks[job]
        if job in self._anew:
            self._anew.discard(job)
            self.close(job)

    async def _write(self, job: str, again: bool) -> None:
        pause = self._pause
        while True:
            try:
                status = await self._ledger.status(job)
                if status.record.state not in ENDED_JOB_STATES:
                    return
                if again and await self._results.written(job):
                    return
                if not status.counts.get(RowState.TRANSMITTING):
                    await self._results.write(job)
                    return
            except (HongyanError, OSError) as error:
                log.warning("results of job %s: %s", job, error)
                pause = min(pause * 2, MOST_PAUSE)
            await asyncio.sleep(pause)
