"""Postfix, Exim and OpenSMTPD that greylist, limit rates and mails a connection, and want TLS: all mail arrives, once, nothing
is counted twice, and the lane learns what it may do. (OpenSMTPD's TLS does not work in its jail.)"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from actors.model.lanes import LaneLimits
from actors.model.ports import RowStory
from actors.model.reasons import Reason
from actors.model.rowlines import RowLine
from actors.model.states import ENDED_JOB_STATES, Blame, RowState
from cluster import names
from tests.e2e.mailing_world import EGRESSES, MESSAGE_ID, bundle, people, world
from tests.e2e.receivers.base import Receiver
from tests.e2e.receivers.delivery import deliver
from tests.e2e.receivers.exim import start_exim
from tests.e2e.receivers.opensmtpd import start_opensmtpd
from tests.e2e.receivers.policy import Greylist
from tests.e2e.receivers.postfix import start_postfix

ROWS = 40
LONG_ROWS = 120  # some seconds at the rate that is taken, so that a limit is seen to rise
RATE = 18  # mails a second that are taken
MAILS = 5  # that a connection may carry
BACK_AFTER = 0.008  # five minutes become 2.4 s: later than every greylist here asks for
RETRY_SOON = 0.01
POSTFIX = """
smtpd_tls_security_level = encrypt
smtpd_client_event_limit_exceptions =
smtpd_error_sleep_time = 0
"""
EXIM_TLS = """  deny
    message = 5.7.0 TLS is required
    !encrypted = *
"""
EXIM_GREYLIST = """  defer
    message = 4.7.1 Greylisted, please try again
    !seen = -1s / key=${sender_host_address}_${sender_address}_${local_part}@${domain}
"""
EXIM_RATE = f"""  defer
    message = 4.7.0 Rate limit: too many messages from your address, slow down
    ratelimit = {RATE} / 1s / leaky / per_rcpt
"""
FILTER = """#!/bin/sh
# smtpd-filters(7): the first try of a recipient is put off for a second.
while IFS='|' read -r kind version at subsystem phase session token address; do
    case "$kind|$version" in
    "config|ready")
        echo "register|filter|smtp-in|rcpt-to"
        echo "register|ready"
        ;;
    filter*)
        now=${at%.*}
        first=$now
        if [ -f "/tmp/$address" ]; then read -r first < "/tmp/$address"; else echo "$now" > "/tmp/$address"; fi
        if [ "$now" -gt "$first" ]; then
            echo "filter-result|$session|$token|proceed"
        else
            echo "filter-result|$session|$token|reject|451 4.7.1 Greylisted, please try again"
        fi
        ;;
    esac
done
"""


@dataclass(frozen=True)
class Sent:
    """What our side knows of a job that was sent, the lane's limits while it was, without repeats, and the lane at the end."""

    lines: dict[int, RowLine]
    stories: dict[int, RowStory]
    limits: list[LaneLimits]
    lane: dict[str, object]

    @property
    def deferrals(self) -> list[dict[str, object]]:
        return [deferral for story in self.stories.values() for deferral in story.deferrals]


async def sent(folder: Path, receiver: Receiver, scale: float, rows: int = ROWS) -> Sent:
    """A job through the whole pipeline to one receiver; all of it must arrive, each mail once."""
    routes = [{"pattern": "*", "host": receiver.host, "port": receiver.port, "tls": "opportunistic"}]
    limits: list[LaneLimits] = []
    async with world(folder, routes, retry_scale=scale) as made:
        reputation = made.local.port(names.REPUTATION)
        job = (await made.submit(bundle(people("to.test", rows)))).record.job

        async def ended() -> bool:
            limits.extend(found for found in (await reputation.limits()).values() if limits[-1:] != [found])
            await asyncio.sleep(0.05)
            return (await made.ledger.status(job)).record.state in ENDED_JOB_STATES

        await made.until(ended, "the job ends")
        await made.ended(job)
        (lane,) = await reputation.lanes()
        found = Sent(await made.lines(job), {row: await made.story(job, row) for row in range(rows)}, limits, lane)
    assert Counter(line.state for line in found.lines.values()) == {RowState.DELIVERED: rows}
    for row, story in found.stories.items():
        assert found.lines[row].attempts == 1 + len(story.deferrals), row
    assert rows_of(receiver.wait_for(rows)) == Counter(range(rows))
    return found


def rows_of(stored: list[bytes]) -> Counter[int]:
    return Counter(int(found[2]) for mail in stored if (found := MESSAGE_ID.search(mail.decode())))


def over_tls(receiver: Receiver, found: Sent) -> bool:
    """Whether both sides say so of every mail."""
    return all(line.tls.startswith("TLSv1.") for line in found.lines.values()) and all(
        b"with esmtps" in mail.lower() for mail in receiver.messages()
    )


def check_greylisted(found: Sent) -> None:
    """Each row was put off once, and came back through the address that was put off."""
    assert {len(story.deferrals) for story in found.stories.values()} == {1}
    assert {d["reason"] for d in found.deferrals} == {Reason.GREYLIST}
    assert {d["blame"] for d in found.deferrals} == {Blame.BUSY}
    assert {d["egress"] for d in found.deferrals} == {line.egress for line in found.lines.values()} == {EGRESSES[0]}
    assert found.limits[-1].grey_wait > 0, "the lane knows that the site greylists"
    assert not any(limits.closed_until or limits.rate for limits in found.limits), "greylisting is no congestion"


async def test_postfix_with_a_greylisting_policy_service_over_tls(tmp_path: Path) -> None:
    greylist = Greylist(1.0)
    async with greylist.listening():
        policy = (
            f"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{greylist.port}, reject_unauth_destination\n"
        )
        with start_postfix(main=POSTFIX + policy) as receiver:
            found = await sent(tmp_path, receiver, BACK_AFTER)
            assert over_tls(receiver, found)
            in_clear = await deliver(receiver, range(3), tls="none")
    check_greylisted(found)
    assert (greylist.put_off, greylist.passed) == (ROWS, ROWS)
    assert {(o.state, o.blame, o.reason) for o in in_clear.values()} == {(RowState.DEFERRED, Blame.US, Reason.TLS)}


async def test_exim_with_a_greylisting_acl_over_tls(tmp_path: Path) -> None:
    with start_exim(main=f"smtp_accept_max_per_connection = {MAILS}", rcpt=EXIM_TLS + EXIM_GREYLIST) as receiver:
        found = await sent(tmp_path, receiver, BACK_AFTER)
        assert over_tls(receiver, found)
    check_greylisted(found)
    assert found.lane["last_close"] == MAILS


async def test_opensmtpd_with_a_greylisting_filter(tmp_path: Path) -> None:
    main = f'filter "greylist" proc-exec "/greylist"\nsmtp limit max-mails {MAILS}'
    with start_opensmtpd(main=main, offer='filter "greylist"', files={"greylist": FILTER}) as receiver:
        found = await sent(tmp_path, receiver, BACK_AFTER)
    check_greylisted(found)
    assert found.lane["last_close"] == MAILS


async def test_exim_hangs_up_after_ten_refusals_and_no_row_is_told_so() -> None:
    """It counts each RSET that follows no mail; the mail that then meets the end of the connection was not looked at."""
    with start_exim(rcpt="  deny\n    message = 5.1.1 No such user here") as receiver:
        ends = await deliver(receiver, range(8 * ROWS))
        assert "too many nonmail commands" in (receiver.box.parent / "log-mainlog").read_text()
    assert {(o.state, o.reason) for o in ends.values()} == {(RowState.BOUNCED, Reason.UNKNOWN)}


@contextmanager
def postfix_with_rate() -> Iterator[Receiver]:
    rate = f"smtpd_client_message_rate_limit = {RATE}\nanvil_rate_time_unit = 1s\n"
    with start_postfix(main=POSTFIX + rate) as receiver:
        yield receiver


@contextmanager
def exim_with_rate() -> Iterator[Receiver]:
    with start_exim(main="queue_only = true", rcpt=EXIM_TLS + EXIM_RATE) as receiver:
        yield receiver


@pytest.mark.parametrize("start", [postfix_with_rate, exim_with_rate], ids=["postfix", "exim"])
async def test_a_rate_limit_is_learned(start: Callable[[], AbstractContextManager[Receiver]], tmp_path: Path) -> None:
    with start() as receiver:
        found = await sent(tmp_path, receiver, RETRY_SOON, LONG_ROWS)
        assert over_tls(receiver, found)
    assert {(d["blame"], d["reason"]) for d in found.deferrals} == {(Blame.EGRESS, Reason.RATE)}
    assert len(found.deferrals) < LONG_ROWS, "the lane went on as before"
    rates = [limits.rate for limits in found.limits]
    assert rates[0] == 0.0, "nobody limits a lane that was never refused"
    assert any(rates), "refusals make a limit"
    assert any(later > rate > 0 for rate, later in pairwise(rates)), "and it rises while all goes well"
