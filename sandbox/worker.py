"""One process of `workers`: takes its plan from standard input, receives until that ends, answers each line with its counts."""

import asyncio
import json
import random
import signal
import sys
from typing import Any

from sandbox.certificate import Certificate
from sandbox.loop import run
from sandbox.server import Sandbox
from sandbox.signatures import Verifier, load_keys
from sandbox.store import Maildir, Nothing, Record, Store
from sandbox.workers import Plan

MAX_PLAN = 1 << 20  # a plan is some paths and a certificate


async def serve() -> None:
    """Until standard input ends."""
    reader = asyncio.StreamReader(limit=MAX_PLAN)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    given: dict[str, Any] = json.loads(await reader.readline())
    pems = given.pop("certificate")
    certificate = Certificate(**{name: text.encode() for name, text in pems.items()}) if pems else None
    plan = Plan(**{**given, "listen": [(host, port) for host, port in given["listen"]]})
    try:
        sandbox = open_sandbox(plan, shared=True, certificate=certificate)
        async with sandbox:
            _say({"listening": sandbox.listening})
            while await reader.readline():
                _say(sandbox.counts.as_json())
    except (OSError, ValueError) as error:
        _say({"error": str(error)})


def open_sandbox(plan: Plan, shared: bool = False, certificate: Certificate | None = None) -> Sandbox:
    """The receiver of a plan. ScriptError, OSError, ValueError."""
    script, world = plan.load(), plan.load_world()
    verifier = None
    if plan.keys:
        verifier = Verifier(load_keys(plan.keys), random.Random(script.seed).random, plan.share)
    store: Store = Record(plan.record) if plan.record else Maildir(plan.maildir) if plan.maildir else Nothing()
    return Sandbox(script, store, listen=plan.listen, shared=shared, certificate=certificate, verifier=verifier, world=world)


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group they are the parent's, which ends its workers
        signal.signal(number, signal.SIG_IGN)
    run(serve())
