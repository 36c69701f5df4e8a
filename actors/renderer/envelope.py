"""What a job says about the envelopes of its mails, besides the addresses: return paths of rows, delivery status notifications.

Both are the same at every attempt: they follow from the snapshot, the row, and a key of the config (ADR 0056).
"""

from collections.abc import Iterable

from actors.model.delivery import Dsn
from actors.model.returnpath import LONGEST, row_path
from actors.model.spec import DsnSpec
from actors.renderer.message.mailbox import Mailbox

_RET = {"headers": "HDRS", "full": "FULL"}


def dsn_of(spec: DsnSpec) -> Dsn | None:
    """What receivers are asked for; None: nothing."""
    return Dsn(",".join(word.upper() for word in spec.notify), _RET[spec.ret]) if spec.notify else None


def verp_problem(mailbox: Mailbox, key: bytes) -> str:
    """Why rows cannot have return paths of their own below this mailbox, or nothing."""
    if not key:
        return "the operator's config has no bounce_key"
    local = mailbox.address.rpartition("@")[0]
    if local.startswith('"') or len(local.encode()) > LONGEST:
        return f"the return path has more than {LONGEST} octets before the @, or quotes there: no token fits behind it"
    return ""


def return_paths(mailbox: str, job: str, rows: Iterable[int], key: bytes) -> list[str]:
    """One for each row; none without a key: all have `mailbox` then."""
    return [row_path(mailbox, job, row, key) for row in rows] if key else []
