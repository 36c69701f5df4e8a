"""Nouns of lanes: what they saw, what was learned of it, what they may do. Counts and texts; no rows, no addresses."""

from dataclasses import dataclass
from typing import NamedTuple

from actors.model.reasons import Reason
from actors.model.states import Blame

NO_QUOTA = -1  # any number of mails


class JobTally(NamedTuple):
    """What one job's mails met on a lane since the last report: the natural experiment compares them over egresses."""

    job: str
    delivered: int = 0
    egress: int = 0  # settled with blame egress, and so on
    content: int = 0
    again: int = 0  # of the delivered, those that were tried before


class Unread(NamedTuple):
    """How often a reply came whose words nobody knows. `words`: folded (`model.readings`), without addresses; `again`: how many
    of those mails had been tried before."""

    job: str
    code: int
    enhanced: str
    words: tuple[str, ...]
    times: int = 1
    again: int = 0


class Reading(NamedTuple):
    """What was learned of such a reply: whom it speaks about (egress, content or recipient). `words` may have `<*>` for any."""

    code: int
    enhanced: str
    words: tuple[str, ...]
    blame: Blame


@dataclass(frozen=True, slots=True)
class LaneReport:
    """What one lane saw since the last report: counts, not rows.

    Every settled mail is counted once: delivered, or by blame, or as greylisted. Connections have their own counts. Texts hold
    no addresses.
    """

    site: str
    delivered: int = 0
    refused: int = 0  # the receiver's word on the mail, none on the lane: blame recipient, sender_domain, content or us
    busy: int = 0  # blame busy, or egress for its rate alone; greylisted mails are not among them
    connections: int = 0  # open now
    connect_failures: int = 0  # connections that could not be opened, or ended before any mail had its reply
    last_reply: str = ""  # the last one that was no 250: "code enhanced text", or "0 what failed"
    egress: int = 0  # blame egress otherwise: our address is listed, blocked or thought little of
    network: int = 0  # lost connections, mails in doubt, a site that nobody reached
    greylisted: int = 0  # told to come again, at the first attempt of a row or too early after it
    grey_again: int = 0  # of them those that had been told so before
    grey_early: float = 0.0  # the shortest time after its first attempt at which one of these was refused; 0 = none was
    grey_through: int = 0  # of `delivered` those that had been greylisted before
    grey_passed: float = 0.0  # the shortest time after its first attempt at which one of these passed; 0 = none did
    connects_refused: int = 0  # of `connect_failures`: the receiver answered, and did not let us in
    closes: int = 0  # connections that the receiver ended after it had answered mails
    closed_after: int = 0  # the fewest mails answered on one of these
    started: int = 0  # mails begun; what counts against quota, rate and probe
    settled: int = 0  # mails that got their end
    jobs: tuple[JobTally, ...] = ()  # the jobs that had the most mails here, refused or not
    unread: tuple[Unread, ...] = ()  # replies that nobody knows the words of


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many mails of a job a site has refused for one blame (SENDER_DOMAIN or CONTENT; NONE: none was refused), and how many
    it took beside them. `reply`: the words of the last refusal, without addresses."""

    job: str
    site: str
    blame: Blame
    reason: Reason = Reason.UNSAID
    refused: int = 0
    delivered: int = 0
    reply: str = ""


class ClosedSpan(NamedTuple):
    """A time in which a lane was not open. `state`: closed or half-open; `why`: what closed it (block, busy, dead)."""

    site: str
    egress: str
    state: str
    since: float
    until: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """What a lane may do until newer limits come.

    `quota` and `probe` count from the report that these limits answer: mails begun since then are taken off by the sender.
    """

    concurrency: int
    messages_per_connection: int = 1000
    closed_until: float = 0.0  # nothing before this time (0 = open)
    why: str = ""  # a sentence with the numbers that the limits were made on
    rate: float = 0.0  # mails a second (0 = no limit), with one second's worth at once at most
    quota: int = NO_QUOTA  # mails that may still be begun until `quota_until`; NO_QUOTA = any number
    quota_until: float = 0.0
    probe: int = 0  # half-open: so many mails may be begun, and no more before newer limits come; 0 = not half-open
    grey_wait: float = 0.0  # the site greylists: a row goes again through the same egress after so many seconds; 0 = not
    readings: tuple[Reading, ...] = ()  # what was learned of the site's unknown replies; no limit, and in no decision
