"""The words for what can happen to a row, a job and an attempt.

Only enumerations and tables over them live here; who moves a row from one state to another is the ledger.
"""

from enum import IntEnum, StrEnum


class RowState(IntEnum):
    """Where one row of a job stands. The numbers are stored; never reuse one."""

    PENDING = 0
    DEFERRED = 1
    TRANSMITTING = 2
    DELIVERED = 3
    BOUNCED = 4
    SUPPRESSED = 5
    DUPLICATE = 6
    INVALID = 7
    SKIPPED = 8
    RENDER_ERROR = 9
    EXPIRED = 10
    CANCELLED = 11
    IN_DOUBT = 12

    @property
    def label(self) -> str:
        """The word that users see: `render_error`."""
        return self.name.lower()


OPEN_STATES = frozenset({RowState.PENDING, RowState.DEFERRED, RowState.TRANSMITTING})
FINAL_STATES = frozenset(RowState) - OPEN_STATES


class JobState(StrEnum):
    """Where a job stands. `stalled` is left by the system when its cause is gone, `paused` only by a person."""

    ACCEPTING = "accepting"  # intake is writing the snapshot; nothing may be sent
    SCHEDULED = "scheduled"  # accepted, its start time has not come
    RUNNING = "running"
    PAUSED = "paused"
    STALLED = "stalled"
    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # intake found problems; nothing was sent


ENDED_JOB_STATES = frozenset({JobState.DONE, JobState.CANCELLED, JobState.REFUSED})


class Verdict(StrEnum):
    """What one attempt came to."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    REFUSED = "refused"
    DOUBT = "doubt"  # the final dot left, its reply never came (RFC 1047)


class Blame(StrEnum):
    """Whom a reply or failure speaks about. Only RECIPIENT may ever touch a suppression list."""

    NONE = ""
    RECIPIENT = "recipient"
    EGRESS = "egress"
    SENDER_DOMAIN = "sender_domain"
    CONTENT = "content"
    BUSY = "busy"
    NETWORK = "network"
    US = "us"


class Stage(StrEnum):
    """The point of the delivery dialogue that an outcome comes from."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the reply to DATA, or a failure while the message is written
    DOT = "dot"  # the reply to the final dot or to BDAT LAST
    RENDER = "render"
    INTAKE = "intake"
    HAND = "hand"  # in the sender's hand and not begun: no attempt


class OnDoubt(StrEnum):
    """What becomes of a row that may or may not have been delivered."""

    RESEND = "resend"
    SKIP = "skip"
    HOLD = "hold"
    EXPIRE = "expire"
