"""The whole pipeline in one process against scripted receivers: hand a bundle over, wait for a state, compare both sides.

Nothing of the system is faked. Two things are quicker than life: pauses between attempts are short (`retry_scale`), and
whoever asks the conductor for work is answered soon, so that a clock that was moved is noticed at once.
"""

import asyncio
import csv
import io
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from actors.ledger.actor import Ledger
from actors.model.errors import Unavailable
from actors.model.job import Accepted, JobStatus
from actors.model.ports import RowStory
from actors.model.rowlines import RowLine, RowLines
from actors.model.states import ENDED_JOB_STATES, RowState
from cluster import names
from cluster.config import Config
from cluster.inprocess import Local
from sandbox import Received, Sandbox
from tests.fakes.identities import ed25519_identity, rsa_identity

SECONDS = 240.0  # a state that does not come within this time never comes; a lane may be closed for 30 s of it
PAUSE, LONGEST_PAUSE = 0.005, 0.025  # between looks: soon at first, later so that looking takes no time from the system
SCALE = 0.001  # five minutes become 0.3 s
ASK_SECONDS = 0.05  # how long a question for work stays open
AHEAD_SECONDS = 31.0  # a lane is closed for 30 at first
ACCOUNT = "bank"
EGRESSES = ("127.0.0.2", "127.0.0.3")
BODY = "Dear {{ name }},\n\nyour number is {{ id }}.\n"
RESULT_FILES = {"outcomes.csv", "outcomes.parquet", "report.html", "summary.json"}

MESSAGE_ID = re.compile(r"<([0-9A-Z]{26})\.(\d+)@[^>]+>")
Files = Mapping[str, str | bytes]


class Clock:
    """The time of day, moved forward by `advance`."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Brisk:
    """The conductor, which lets nobody wait long; counts who has asked."""

    def __init__(self, conductor: Any):
        self._conductor = conductor
        self.asked: Counter[str] = Counter()

    def __getattr__(self, method: str) -> Any:
        return getattr(self._conductor, method)

    async def lease(self, egress: str, epoch: int, held: Collection[int], busy: Sequence[str], rows: int, wait: float) -> Any:
        self.asked[egress] += 1
        return await self._conductor.lease(egress, epoch, held, busy, rows, min(wait, ASK_SECONDS))


class Ports(Local):
    """`Local` with a brisk conductor."""

    def port(self, name: str) -> Any:
        made = super().port(name)
        if name != names.CONDUCTOR:
            return made
        if not hasattr(self, "conductor"):
            self.conductor = Brisk(made)
        return self.conductor


@dataclass(frozen=True)
class ResultFiles:
    """A job's result files as their readers see them."""

    lines: list[dict[str, str]]
    table: list[dict[str, Any]]
    summary: dict[str, Any]
    report: str


class World:
    """A running system with a folder, and a client's way of asking it."""

    def __init__(self, folder: Path, config: Config, clock: Clock):
        self.folder, self.config, self.clock = folder, config, clock
        self.local = Ports(config, clock)
        self.vault = self.local.parts.vault()
        self.vault.create()
        self.uploads = 0

    @property
    def ledger(self) -> Any:
        return self.local.port(names.LEDGER)

    @property
    def conductor(self) -> Any:
        return self.local.port(names.CONDUCTOR)

    async def sqlite(self, statement: str) -> None:
        """A statement over the ledger's own connection: nobody else may open its file."""
        ledger: Ledger = self.ledger.status.__self__
        await ledger._run(lambda: ledger._store.connection().connection.driver_connection.execute(statement).close())

    async def submit(self, files: Files, account: str = ACCOUNT, key: str = "") -> Accepted:
        """Hands a bundle over as the gateway does."""
        self.uploads += 1
        upload = f"uploads/{account}/{self.uploads}"
        for name, data in files.items():
            self.vault.write(f"{upload}/{name}", data.encode() if isinstance(data, str) else data)
        accepted: Accepted = await self.local.port(names.INTAKE).accept(account, upload, key or upload)
        await self.conductor.notify(accepted.record.job)
        return accepted

    async def send(self, files: Files, account: str = ACCOUNT) -> str:
        """Hands a bundle over and waits until its job has ended."""
        job = (await self.submit(files, account)).record.job
        await self.ended(job)
        return job

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        """Waits for a state; the conductor looks at its jobs whenever this does."""
        end, pause = time.monotonic() + SECONDS, PAUSE
        while not await holds():
            assert time.monotonic() < end, f"{what}: it did not happen"
            await self.conductor.notify("")
            await asyncio.sleep(pause)
            pause = min(1.1 * pause, LONGEST_PAUSE)

    async def reach(self, job: str, holds: Callable[[JobStatus], bool], what: str = "state") -> JobStatus:
        """The job's status once `holds` says yes; it is balanced whenever it is looked at."""
        last: list[JobStatus] = []

        async def now() -> bool:
            last[:] = [await self.ledger.status(job)]
            assert last[0].balanced, last[0]
            return holds(last[0])

        try:
            await self.until(now, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from error
        return last[0]

    async def ended(self, job: str) -> JobStatus:
        """Done, cancelled or refused, nothing on the wire any more, result files written."""
        status = await self.reach(job, lambda s: s.record.state in ENDED_JOB_STATES and not s.open, "the job ends")

        async def written() -> bool:
            counts = self.summary(job).get("counts", {})  # a job that ran again has files of before until they are written anew
            return {k: n for k, n in counts.items() if n} == {s.label: n for s, n in status.counts.items() if n}

        await self.until(written, "result files")
        return status

    async def ended_ahead(self, job: str, step: float = AHEAD_SECONDS) -> JobStatus:
        """As `ended`, with a clock that runs ahead: a closed lane, a far retry or a deadline is soon there."""

        async def closed() -> bool:
            await self.advance(step)
            return (await self.ledger.status(job)).record.state in ENDED_JOB_STATES

        await self.until(closed, "the job ends")
        return await self.ended(job)

    async def advance(self, seconds: float) -> None:
        """Moves the clock; every sender has asked for work since when this returns."""
        self.clock.ahead += seconds
        before = Counter(self.conductor.asked)
        egresses = [e.address for e in self.config.egresses]

        async def all_asked() -> bool:
            return all(self.conductor.asked[e] >= before[e] + 2 for e in egresses)

        await self.until(all_asked, "every sender asks for work")

    async def lines(self, job: str) -> dict[int, RowLine]:
        """What the ledger says of every row."""
        found: RowLines = await self.ledger.outcomes(job, -1, 100_000, tuple(RowState))
        return {line.row: line for line in found}

    async def states(self, job: str) -> dict[int, str]:
        return {row: line.state.label for row, line in (await self.lines(job)).items()}

    async def story(self, job: str, row: int) -> RowStory:
        """A row's way: its line, the deferrals before it, its doubts."""
        found: RowStory = await self.ledger.row_story(job, row)
        return found

    def summary(self, job: str) -> dict[str, Any]:
        """Of the result files; empty while they are written."""
        try:
            found: dict[str, Any] = json.loads(self.vault.read(f"jobs/{job}/results/summary.json"))
        except FileNotFoundError:
            return {}
        return found

    def results(self, job: str) -> ResultFiles:
        folder = f"jobs/{job}/results"
        assert {Path(p).name for p in self.vault.list(folder)} == RESULT_FILES
        lines = csv.DictReader(io.StringIO(self.vault.read(f"{folder}/outcomes.csv").decode("utf-8-sig")))
        table = pq.read_table(self.vault.local(f"{folder}/outcomes.parquet")).to_pylist()
        summary = json.loads(self.vault.read(f"{folder}/summary.json"))
        return ResultFiles(list(lines), table, summary, self.vault.read(f"{folder}/report.html").decode())

    async def reconcile(self, job: str, received: Iterable[Received]) -> Counter[int]:
        """Compares ledger, result files and what arrived; gives how often each row's mail arrived.

        Nothing that the ledger calls delivered is missing, only rows in doubt arrived twice or without its knowledge."""
        status, lines = await self.ledger.status(job), await self.lines(job)
        arrived = arrivals(job, received)
        check_results(self.results(job), status, lines)
        delivered = {row for row, line in lines.items() if line.state is RowState.DELIVERED}
        doubted = {row for row, line in lines.items() if line.in_doubt}
        assert delivered <= set(arrived), "delivered and never received"
        assert set(arrived) <= delivered | doubted, "received and not known as delivered"
        assert {row for row, times in arrived.items() if times > 1} <= doubted, "doubled, and not named in doubt"
        return arrived


def arrivals(job: str, received: Iterable[Received]) -> Counter[int]:
    """How often each row's mail was accepted."""
    found = (MESSAGE_ID.fullmatch(message.message_id) for message in received)
    return Counter(int(one[2]) for one in found if one and one[1] == job)


def check_results(files: ResultFiles, status: JobStatus, lines: Mapping[int, RowLine]) -> None:
    """The result files say what the ledger says, and their equation holds."""
    rows = status.record.rows
    assert [line["row"] for line in files.lines] == [str(n) for n in range(rows)]
    for text, plain in zip(files.lines, files.table, strict=True):
        line = lines[plain["row"]]
        assert (text["state"], plain["state"]) == (line.state.label, line.state.label)
        for name in ("stage", "blame", "enhanced", "reply", "egress", "site", "host", "code", "attempts", "in_doubt"):
            assert plain[name] == getattr(line, name), name
            assert text[name].removeprefix("'") == str(getattr(line, name)), name
    summary = files.summary
    counts = {label: n for label, n in summary["counts"].items() if n}
    assert counts == Counter(line.state.label for line in lines.values())
    assert counts == {state.label: n for state, n in status.counts.items()}
    left, _, right = summary["equation"].partition(" = ")
    assert int(left) == rows == sum(int(term.split()[0]) for term in right.split(" + "))
    assert summary["balanced"] is True
    assert summary["settled"] is True
    assert summary["attempts"] == status.attempts == sum(line.attempts for line in lines.values())
    assert summary["equation"] in files.report


@asynccontextmanager
async def world(
    folder: Path,
    routes: Sequence[Mapping[str, Any]],
    egresses: Sequence[str] = EGRESSES[:1],
    clock: Clock | None = None,
    **extra: Any,
) -> AsyncIterator[World]:
    """A running system in `folder` that sends by `routes`; `extra` are further keys of the config."""
    made = World(folder, configured(folder, routes, egresses, **extra), clock or Clock())
    async with made.local.running():
        yield made


def configured(folder: Path, routes: Sequence[Mapping[str, Any]], egresses: Sequence[str], **extra: Any) -> Config:
    names_ = [{"address": address, "ehlo": f"mx{n}.bank.test"} for n, address in enumerate(egresses)]
    settings = {"retry_scale": SCALE, "renderers": 1, "data": folder / "data"} | extra
    return Config(egresses=names_, routes=[dict(r) for r in routes], **settings)


def signing_keys(folder: Path) -> list[dict[str, str]]:
    """An RSA and an Ed25519 identity, in the config's words."""
    found = []
    for identity, _ in (rsa_identity(), ed25519_identity()):
        file = folder / f"{identity.selector}.pem"
        file.write_bytes(identity.key_pem)
        found.append({"domain": identity.domain, "selector": identity.selector, "key": f"file://{file}"})
    return found


def routes_to(sandbox: Sandbox, *patterns: str, tls: str = "none") -> list[dict[str, Any]]:
    """One route a pattern, each to the next address that the sandbox listens on; the last address takes the rest."""
    places = sandbox.listening + [sandbox.listening[-1]] * len(patterns)
    return [{"pattern": p, "host": h, "port": n, "tls": tls} for p, (h, n) in zip(patterns, places, strict=False)]


def bundle(addresses: Sequence[str], control: Mapping[str, Any] | None = None, **files: str | bytes) -> dict[str, str | bytes]:
    """A small bundle: columns email, name and id. `control` goes over the control file, section by section."""
    spec: dict[str, Any] = {
        "name": "November",
        "sender": {"from": "Bank <service@bank.test>"},
        "content": {"subject": "Statement {{ id }}", "text": "body.txt"},
    }
    for section, values in (control or {}).items():
        spec[section] = {**spec.get(section, {}), **values} if isinstance(values, Mapping) else values
    lines = ["email,name,id", *(f"{address},Name {n},{n:05d}" for n, address in enumerate(addresses))]
    made: dict[str, str | bytes] = {
        "job.yaml": yaml.safe_dump(spec, allow_unicode=True),
        "body.txt": BODY,
        "list.csv": "\n".join(lines) + "\n",
    }
    return made | {name.replace("__", "/").replace("_", "."): data for name, data in files.items()}


def people(domain: str, count: int, name: str = "user") -> list[str]:
    return [f"{name}{n}@{domain}" for n in range(count)]


async def unavailable(call: Callable[[], Awaitable[Any]]) -> str:
    """Why a call cannot be answered now; empty if it can."""
    try:
        await call()
    except Unavailable as error:
        return str(error)
    return ""
