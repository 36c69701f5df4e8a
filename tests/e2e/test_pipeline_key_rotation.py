"""A signing key is replaced as docs/operating.md says while a job runs: no signature fails, looked at early or late."""

import re
from collections import Counter
from pathlib import Path

import dkim

from actors.model.states import JobState, RowState
from sandbox import Sandbox
from tests.e2e.mailing_world import Clock, arrivals, bundle, people, routes_to, world
from tests.fakes.identities import Records, rsa_identity

ROWS = 120
OLD, NEW = rsa_identity(selector="old"), rsa_identity(selector="new")
# Every fifth row is refused for now at its first try: its second message may be signed with another key.
SCRIPT = {
    "rules": [
        {"at": "dot", "delay": "20ms"},
        {"at": "rcpt", "share": 0.2, "attempt": 1, "reply": "451 4.3.0 later"},
    ]
}
# What the config signs with, and what DNS publishes, step by step.
STEPS = [([OLD], [OLD]), ([OLD], [OLD, NEW]), ([OLD, NEW], [OLD, NEW]), ([NEW], [OLD, NEW])]


def configured(folder: Path, identities: list) -> list[dict[str, str]]:
    found = []
    for identity, _ in identities:
        file = folder / f"{identity.selector}.pem"
        file.write_bytes(identity.key_pem)
        found.append({"domain": identity.domain, "selector": identity.selector, "key": f"file://{file}"})
    return found


def failed(messages: list[bytes], records: Records) -> list[bytes]:
    """Messages with a signature that does not verify, does not expire, or with none at all."""
    bad = []
    for data in messages:
        verifier = dkim.DKIM(data)
        signatures = re.findall(rb"^DKIM-Signature:(?:.*\r\n)(?:[ \t].*\r\n)*", data, re.MULTILINE)
        if not signatures or not all(
            re.search(rb"[;\s]x=\d+;", s) and verifier.verify(idx=n, dnsfunc=records) for n, s in enumerate(signatures)
        ):
            bad.append(data)
    return bad


def selectors(data: bytes) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"[;\s]s=(\w+);", data.decode("ascii", "replace"))))


async def test_s25_a_key_is_replaced_while_a_job_runs(tmp_path: Path) -> None:
    clock = Clock()
    async with Sandbox(SCRIPT) as sandbox:
        routes, job = routes_to(sandbox, "*"), ""
        for step, (signing, published) in enumerate(STEPS):
            settings = {"identities": configured(tmp_path, signing), "lanes": {"start": 1, "most": 1}}
            seen = len(sandbox.messages)
            async with world(tmp_path, routes, clock=clock, **settings) as made:
                if not job:
                    job = (await made.submit(bundle(people("one.test", ROWS)))).record.job
                else:
                    await made.ledger.move_job(job, JobState.RUNNING)
                if step + 1 < len(STEPS):
                    some = seen + ROWS // 8
                    await made.reach(job, lambda s, n=some: s.counts.get(RowState.DELIVERED, 0) >= n)  # type: ignore[misc]
                    await made.ledger.move_job(job, JobState.PAUSED, "the config changes")
                    await made.reach(job, lambda s: not s.counts.get(RowState.TRANSMITTING))
                else:
                    await made.ended(job)
                    states = Counter((await made.states(job)).values())
            fresh = [message.data for message in sandbox.messages[seen:]]
            assert fresh
            assert failed(fresh, Records(*published)) == []
        assert states == {"delivered": ROWS}
        assert arrivals(job, sandbox.messages) == Counter(range(ROWS))
        every = [message.data for message in sandbox.messages]
        # A receiver that looks late, while the old record is still kept.
        assert failed(every, Records(OLD, NEW)) == []
        assert {selectors(data) for data in every} == {("old",), ("new", "old"), ("new",)}
        # The old record taken away too early is what the eight days are for: the drill can fail.
        assert failed([d for d in every if selectors(d) == ("old",)][:1], Records((OLD[0], "v=DKIM1; k=rsa; p="))) != []
