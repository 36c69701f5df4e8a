"""What an attempt's end means for the row: the ledger's entry. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.model.delivery import NO_MORE, ONLY, Outcome, Reply, RowFailure
from actors.model.lanes import Reading
from actors.model.readings import fold, learned, read
from actors.model.reasons import Reason
from actors.model.replies import Judgement, judge, unread
from actors.model.states import Blame, RowState, Stage, Verdict
from actors.sender.hand import Row
from actors.sender.messages import BAD_ADDRESS, BAD_RETURN_PATH, CLOSING, NEEDS_8BIT, NEEDS_SMTPUTF8, TOO_BIG, End, Event
from actors.sender.replyreader import clean
from actors.sender.retry import chance, in_time, next_attempt


class Place(NamedTuple):
    """Where an attempt was made."""

    egress: str
    site: str
    host: str = ""
    tls: str = ""


# Replies that we gave ourselves, before anything was written: no receiver's word stands behind them.
OURS = {
    BAD_ADDRESS: Judgement(Verdict.REFUSED, Blame.US, Reason.PROTOCOL),
    BAD_RETURN_PATH: Judgement(Verdict.REFUSED, Blame.US, Reason.PROTOCOL),
    NEEDS_SMTPUTF8: Judgement(Verdict.REFUSED, Blame.US, Reason.ENCODING),
    NEEDS_8BIT: Judgement(Verdict.REFUSED, Blame.US, Reason.ENCODING),
    TOO_BIG: Judgement(Verdict.REFUSED, Blame.CONTENT, Reason.SIZE),
}
MOST_AVOIDED = 8  # egresses that refused a row are asked no more before its next pause
GREY_SPREAD = 0.05  # rows that were greylisted together do not all come back in the same second
GREY_MORE = 1.25  # times as long a row waits that came too early
TAKEN = Judgement(Verdict.DELIVERED, Blame.NONE)
EARLY = Judgement(Verdict.DEFERRED, Blame.BUSY, Reason.GREYLIST)
SEVERED = Judgement(Verdict.DEFERRED, Blame.NETWORK, Reason.LOST)


def judged(event: Event) -> Judgement:
    """Verdict and blame of a message's end."""
    if event.end is End.DELIVERED:
        return TAKEN
    if event.end is End.DOUBT:
        return Judgement(Verdict.DOUBT, Blame.NETWORK, Reason.LOST)
    if event.end is End.NOT_SENT:
        return Judgement(Verdict.DEFERRED, Blame.BUSY) if event.reply.code == CLOSING else SEVERED
    if event.reply in OURS:
        return OURS[event.reply]
    found = judge(event.stage, event.reply)
    if found.blame is Blame.SENDER_DOMAIN:  # a record is mended within hours, and the recipients are good
        return found._replace(verdict=Verdict.DEFERRED)
    return found


def full(event: Event) -> bool:
    """Whether a refused MAIL says that its connection has carried enough mails; asked only where it has carried some. Most
    receivers say 421 and hang up; OpenSMTPD says 452 to each MAIL from then on."""
    if event.end is not End.DEFERRED or event.stage is not Stage.MAIL or event.reply.code == CLOSING:
        return False
    return judge(event.stage, event.reply).reason is Reason.CONNECTIONS


def heard(event: Event, judgement: Judgement, readings: Iterable[Reading]) -> tuple[Judgement, tuple[str, ...] | None]:
    """The judgement as reputation has learned to read the reply, and its folded words; None for a reply that says what it
    means."""
    if event.end not in (End.REFUSED, End.DEFERRED) or event.reply in OURS or not unread(event.reply):
        return judgement, None
    words = fold(event.reply.text, event.message.recipient)
    return learned(judgement, read(readings, event.reply, words)), words


def outcome(
    row: Row, stage: Stage, reply: Reply, judgement: Judgement, place: Place, now: float, grey_wait: float = 0.0
) -> Outcome:
    """The entry of a row whose attempt ended with `judgement`; a deferred one gets its next time, or expires. One in doubt gets
    its next time too: the ledger knows whether it may go again. `grey_wait`: what greylisting asks for at this site, 0 = nobody
    knows yet.

    A row that was refused for our address goes at once while egresses are left that have not tried it, then waits; one that was
    only in hand (stage HAND, no blame) goes at once."""
    lease = row.work.lease
    verdict, blame, reason = judgement
    state, next_at, avoid = STATES[verdict], 0.0, ""
    if state in (RowState.DEFERRED, RowState.IN_DOUBT):
        spread = chance(lease.job, row.row, row.attempt)
        tried = _tried(row, place.egress) if blame is Blame.EGRESS else frozenset()
        left = frozenset(lease.egresses) - tried if 0 < len(tried) <= MOST_AVOIDED else frozenset()
        greylisted = reason is Reason.GREYLIST
        if left or (stage is Stage.HAND and blame is Blame.NONE):
            next_at = in_time(now, now, row.first_at, lease.retry_for, lease.deadline_at)
        elif greylisted and grey_wait:
            again = _grey_again(row, stage, place.egress, now, lease.retry_scale * grey_wait, spread)
            next_at = in_time(again, now, row.first_at, lease.retry_for, lease.deadline_at)
        else:
            rounds = -(-row.attempt // max(1, len(lease.egresses))) if blame is Blame.EGRESS else row.attempt
            next_at = next_attempt(
                now, row.first_at, rounds, blame, spread, lease.retry_for, lease.deadline_at, lease.retry_scale
            )
        if not next_at and state is RowState.IN_DOUBT:
            next_at = NO_MORE
        elif not next_at:
            state = RowState.EXPIRED
        elif blame is Blame.EGRESS:
            avoid = " ".join(sorted(tried)) if left else place.egress
        elif stage is Stage.HAND:
            avoid = row.avoid
        elif greylisted:
            avoid = ONLY + place.egress
    return Outcome(
        lease.job,
        row.row,
        state,
        now,
        stage,
        blame,
        reply.code,
        reply.enhanced,
        reply.text,
        place.site,
        place.host,
        place.egress,
        next_at,
        avoid,
        reason,
        place.tls,
    )


def _grey_again(row: Row, stage: Stage, egress: str, now: float, wait: float, spread: float) -> float:
    """When a greylisted row goes again: `wait` after the egress was told so. Later the time counts from its first attempt, and
    one that came too early all the same goes by its own time, should that be longer than the lane's: domains of one host may
    differ."""
    if row.avoid != ONLY + egress:
        return now + wait * (1 + GREY_SPREAD * spread)
    if stage is not Stage.HAND:
        wait = max(wait, GREY_MORE * (now - row.first_at))
    return row.first_at + wait * (1 + GREY_SPREAD * spread)


def early(first_at: NDArray[np.float64], now: float, grey_wait: float, scale: float) -> NDArray[np.bool_]:
    """Which of the rows that a lane greylisted would come too early, as is known of it by now."""
    return now < first_at + scale * grey_wait


def _tried(row: Row, egress: str) -> frozenset[str]:
    """Egresses that were refused with the row since its last pause, this one too."""
    return frozenset(() if row.avoid.startswith(ONLY) else row.avoid.split()) | {egress}


def render_failure(job: str, failure: RowFailure, egress: str, now: float) -> Outcome:
    """The entry of a row that has no message."""
    row, state, reason = failure
    return Outcome(job, row, state, now, Stage.RENDER, Blame.US, reply=clean(reason), egress=egress)


STATES = {
    Verdict.DELIVERED: RowState.DELIVERED,
    Verdict.REFUSED: RowState.BOUNCED,
    Verdict.DEFERRED: RowState.DEFERRED,
    Verdict.DOUBT: RowState.IN_DOUBT,
}
