"""A program that drives a ledger as a sender does and says what was acknowledged, until somebody kills it.

    python -m tests.e2e.ledger_loop URL ROWS

One line of JSON before each step (`try`) and after its reply (`ack`), each with the rows that the step settles and opens.
"""

import asyncio
import json
import sys

from actors.ledger.actor import Ledger
from actors.model.states import RowState
from tests.fakes.accounts import EGRESS, opening, outcome, running

GROUP = 64


def say(word: str, **more: object) -> None:
    print(json.dumps({"word": word, **more}), flush=True)


async def main(url: str, rows: int) -> None:
    ledger = Ledger(url)
    conductor = await running(ledger, rows=rows)
    epoch = await ledger.claim_sender(EGRESS)
    say("ready", epoch=epoch)
    open_rows: list[int] = []
    for low in range(0, rows, GROUP):
        group = list(range(low, min(low + GROUP, rows)))
        # Half of the rows on the wire are answered; a tenth of the answers is a deferral.
        settled, open_rows = open_rows[: len(open_rows) // 2 + 8], open_rows[len(open_rows) // 2 + 8 :]
        results = [outcome(r, RowState.DEFERRED if r % 10 == 3 else RowState.DELIVERED, next_at=1e10) for r in settled]
        say("try", settled=settled, opened=group)
        answer = await ledger.advance(EGRESS, epoch, results, [opening(conductor, group)])
        assert answer.opened[0].all()
        say("ack", settled=settled, opened=group)
        open_rows += group
    say("end")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
