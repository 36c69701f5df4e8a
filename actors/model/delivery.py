"""Nouns of the way from the conductor to the receiver: sites, leases, envelopes, outcomes. Those of lanes are in `lanes`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.model.job import RowArray, StampArray
from actors.model.reasons import Reason
from actors.model.states import Blame, RowState, Stage

MAX_OPEN_ROWS = 256  # at most this many rows of one sender may be in doubt after a crash
SENDER_LEASE_SECONDS = 5.0  # less than the 16 s that Ray takes to replace a lost node's actor
MAX_REPLY_CHARS = 500  # enough for any real reply; stops a peer that fills the ledger
NO_MORE = -1.0  # for `next_at` of a row in doubt
ONLY = "="  # for `avoid`: a greylisted row passes through the egress that asked first


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
