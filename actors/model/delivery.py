"""Nouns of the way from the conductor to the receiver: sites, lanes, leases, envelopes, outcomes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.model.job import RowArray, StampArray
from actors.model.reasons import Reason
from actors.model.states import Blame, RowState, Stage

MAX_OPEN_ROWS = 256  # DESIGN section 1: at most this many rows of one sender may be in doubt after a crash
SENDER_LEASE_SECONDS = 5.0  # less than the 16 s that Ray takes to replace a lost node's actor


class Host(NamedTuple):
    """One host that receives for a site; lower preference first."""

    name: str
    port: int = 25
    preference: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply (RFC 5321 section 4.2), or a failure told in its words. `code` 0: no reply came."""

    code: int
    text: str = ""  # all lines joined by a blank; the enhanced code (RFC 3463) is cut off
    enhanced: str = ""  # "5.1.1"


@dataclass(frozen=True, slots=True)
class Site:
    """One destination: all domains served by the same set of MX hosts. `refusal`: nobody can deliver there (null MX, no such
    domain: code 5xx) or it is not known now (DNS failure: code 4xx); no connection is made."""

    name: str
    hosts: tuple[Host, ...] = ()
    tls: str = "opportunistic"  # none | opportunistic | required | verify
    auth: str = ""  # name of the credentials in the config, for relays; never sent without TLS
    chunking: bool = False  # BDAT only where the operator switched it on: some receivers stall
    refusal: Reply | None = None
    sts: bool = False  # `tls` is what the domains' MTA-STS policy enforces
    dane: bool = False  # the MX records were validated: TLSA records of the hosts count


class Tlsa(NamedTuple):
    """One TLSA record (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows of one lease bound for one site."""

    site: Site
    rows: RowArray
    attempts: NDArray[np.int16]  # attempts made before this one, a row each
    stamps: StampArray  # 0 = fresh; a row in doubt carries the stamp of its first rendering
    first_at: NDArray[np.float64]  # time of the row's first attempt, 0 = never tried
    avoid: str = ""  # what the last outcome of these rows says, see `Outcome`


@dataclass(frozen=True, slots=True)
class Lease:
    """Work for one sender: shards of one job and one segment, `MAX_LEASE_ROWS` rows at most."""

    id: int
    conductor_epoch: int
    job: str
    segment: int
    shards: tuple[Shard, ...]
    retry_for: float
    deadline_at: float  # 0 = none
    retry_scale: float = 1.0  # stretches the pauses between attempts; below 1 only for demos and tests
    egresses: tuple[str, ...] = ()  # those of the pool that ask for work now

    @property
    def rows(self) -> int:
        return sum(len(s.rows) for s in self.shards)


class Dsn(NamedTuple):
    """The delivery status notifications that a job asks for, in the words of RFC 3461."""

    notify: str  # "FAILURE,DELAY", or "NEVER"
    ret: str  # what of the mail comes back: "HDRS" or "FULL"


@dataclass(frozen=True, slots=True)
class Envelopes:
    """Rendered, signed messages, as columns; message i is `data[offsets[i]:offsets[i+1]]`.

    The bytes are in wire form: CRLF line ends, no line starts with a dot (by construction), no line over 998 octets, the last
    line ended; so the same bytes serve DATA (followed by `.CRLF`) and BDAT, unstuffed. All are 7-bit where `utf8` is not set.
    """

    job: str
    return_path: str
    rows: RowArray
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    recipients: list[str]
    utf8: NDArray[np.bool_]  # needs SMTPUTF8 (RFC 6531)
    failures: list["RowFailure"] = field(default_factory=list)  # rows that have no message
    return_paths: list[str] = field(default_factory=list)  # of each row, where they are not all `return_path`
    dsn: Dsn | None = None  # None: the job asks for no notifications

    def __len__(self) -> int:
        return len(self.rows)


class RowFailure(NamedTuple):
    """A row that gave no message: SKIPPED or RENDER_ERROR, and why (no personal data in the text)."""

    row: int
    state: RowState
    reason: str


class Outcome(NamedTuple):
    """The ledger's entry for a row after an attempt (or for a row that is settled without one).

    `state` IN_DOUBT asks the ledger to apply the job's `on_doubt`. `next_at` only with DEFERRED, and with IN_DOUBT for a row
    that may go again (0: at once; NO_MORE: it was tried long enough). `reply` has at most MAX_REPLY_CHARS characters and no
    control characters.
    """

    job: str
    row: int
    state: RowState
    at: float
    stage: Stage
    blame: Blame = Blame.NONE
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    site: str = ""
    host: str = ""
    egress: str = ""
    next_at: float = 0.0
    avoid: str = ""  # egresses that the next attempt should avoid (blame egress), or ONLY and the one it should take
    reason: Reason = Reason.UNSAID
    tls: str = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384 verified"; empty: a plain connection, or none


class Outcomes(list[Outcome]):
    """Those of one call. They travel as plain tuples, which takes a third of the time of named ones."""

    def __reduce__(self) -> "tuple[Callable[..., Outcomes], tuple[list[tuple[object, ...]]]]":
        return _outcomes, ([tuple(outcome) for outcome in self],)


def _outcomes(values: Iterable[Iterable[Any]]) -> Outcomes:
    return Outcomes(map(Outcome._make, values))


NO_MORE = -1.0
ONLY = "="  # a greylisted row passes through the egress that asked first
MAX_REPLY_CHARS = 500  # enough for any real reply; stops a peer that fills the ledger


@dataclass(frozen=True, slots=True)
class Opening:
    """A transmit group: rows that the sender is about to transmit. On disk before the first final dot of the group leaves."""

    job: str
    conductor_epoch: int
    rows: RowArray
    stamps: StampArray  # what each row was rendered at


@dataclass(frozen=True, slots=True)
class Advanced:
    """What the ledger made durable: `opened[i]` masks the rows of opening i that may be transmitted now."""

    opened: tuple[NDArray[np.bool_], ...]
    lease_until: float


@dataclass(frozen=True, slots=True)
class DueRows:
    """Deferred rows whose time has come, as parallel columns."""

    rows: RowArray
    attempts: NDArray[np.int16]
    stamps: StampArray
    first_at: NDArray[np.float64]
    avoid: list[str]
    next_at: float  # when the next deferred row falls due; 0 = none waits


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


NO_QUOTA = -1


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
