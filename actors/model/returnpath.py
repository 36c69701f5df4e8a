"""Return paths that name their row (VERP): `bounces+TOKEN@bank.example`, made and read. Pure.

The token holds job, row and an authenticator that only a holder of the key can make; it tells nothing of the recipient. So what
comes back to such an address is about this row, and what somebody made up is told apart. Case does not count: some servers on
the way change it.
"""

import hmac

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, as the ids of jobs
MARK = "+"  # what most receivers cut a mailbox's detail off at (RFC 5233)
ROW_CHARS = 7  # 34 thousand million rows
MAC_CHARS = 12  # 60 bits: who wants to forge one has to send a mail for each try
JOB_CHARS = 26
TOKEN_CHARS = JOB_CHARS + ROW_CHARS + MAC_CHARS
MAX_LOCAL = 64  # RFC 5321 section 4.5.3.1.1
LONGEST = MAX_LOCAL - len(MARK) - TOKEN_CHARS  # octets of a local part that still takes a token

_VALUES = {char: value for value, char in enumerate(ALPHABET)}


def row_path(mailbox: str, job: str, row: int, key: bytes) -> str:
    """The return path of one row, below a mailbox whose local part has `LONGEST` octets at most and is not quoted."""
    local, _, domain = mailbox.rpartition("@")
    named = f"{job.lower()}{_written(row, ROW_CHARS)}"
    return f"{local}{MARK}{named}{_authenticator(named, key)}@{domain}"


def read_row_path(address: str, key: bytes) -> tuple[str, int] | None:
    """(job, row) of an address that `row_path` made with this key; None for every other one."""
    local, _, _ = address.rpartition("@")
    _, mark, token = local.rpartition(MARK)
    token = token.lower()
    if not mark or len(token) != TOKEN_CHARS or not set(token) <= set(ALPHABET):
        return None
    named, authenticator = token[:-MAC_CHARS], token[-MAC_CHARS:]
    if not hmac.compare_digest(authenticator, _authenticator(named, key)):
        return None
    row = 0
    for char in named[JOB_CHARS:]:
        row = row * 32 + _VALUES[char]
    return named[:JOB_CHARS].upper(), row


def _authenticator(named: str, key: bytes) -> str:
    digest = hmac.digest(key, f"hongyan return path {named}".encode("ascii"), "sha256")
    return _written(int.from_bytes(digest[:8]) >> 4, MAC_CHARS)


def _written(number: int, chars: int) -> str:
    return "".join([ALPHABET[number >> shift & 31] for shift in range(5 * (chars - 1), -1, -5)])
