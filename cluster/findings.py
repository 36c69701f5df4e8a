"""What `hongyan doctor` finds, and its rules about this machine: values in, findings out. No IO.

A finding is ok, a warning (works, but look at it) or a failure (mails would not leave, or would be refused), with the remedy.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

LEAST_FREE_BYTES = 2**30  # below this one large upload or a day's ledger fills the disk
ENOUGH_FREE_SHARE = 0.1  # of the disk; where operators want an alarm
FEWEST_OPEN_FILES = 1024  # a sender holds 400 connections, Ray and its own files come on top
ENOUGH_OPEN_FILES = 4096  # with many clients and sites at once
ADVISED_OPEN_FILES = 65_536  # what Ray asks for
EXPIRY_NOTICE_SECONDS = 21 * 86400.0  # enough to renew by hand
CLOCK_SLACK_SECONDS = 2.0  # coarse time stamps of file systems
SAFE_SQLITE = (3, 51, 3)  # before it a WAL file that two connections write can be corrupted
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs", "fuse.glusterfs"})


class Level(StrEnum):
    """How good it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    level: Level
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, Level.OK, found)


def warn(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, Level.WARN, found, remedy)


def fail(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, Level.FAIL, found, remedy)


def judge_space(check: str, free: int, total: int) -> Finding:
    """Room on the disk that holds ledger, vault and spool."""
    found = f"{free / 2**30:,.1f} GB of {total / 2**30:,.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return fail(check, found, "make room: a full disk stops all jobs until there is room again")
    if free < total * ENOUGH_FREE_SHARE:
        return warn(check, found, "make room before the next large list")
    return ok(check, found)


def judge_sqlite(version: tuple[int, ...], file_system: str) -> Finding:
    """The ledger on SQLite: WAL, written by one connection of one process."""
    check, found = "ledger", f"SQLite {'.'.join(map(str, version))}"
    if file_system in NETWORK_FILE_SYSTEMS:
        return fail(
            check, f"{found} on {file_system}", "move `data` to a local disk, or use PostgreSQL: WAL needs a local disk"
        )
    if version < SAFE_SQLITE:
        return ok(check, f"{found}: safe, as one connection of one process writes; let no other program open ledger.db")
    return ok(check, f"{found}, one connection")


def judge_mode(check: str, name: str, mode: int, *, secret: bool) -> Finding:
    """Permission bits of a file that others must not write and, when `secret`, not read."""
    shown, remedy = f"{name} has mode {mode & 0o7777:04o}", f"chmod 600 {name}"
    if mode & 0o022:
        return fail(check, f"{shown}: others may write it", remedy)
    if mode & 0o044:
        return (fail if secret else warn)(check, f"{shown}: others may read it", remedy)
    return ok(check, shown)


def judge_open_files(soft: int, hard: int) -> Finding:
    """The limit of file descriptors a process."""
    check, found = "open files", f"{soft:,} a process (hard limit {hard:,})"
    remedy = f"raise it: LimitNOFILE={ADVISED_OPEN_FILES} in the systemd unit, or `ulimit -n {ADVISED_OPEN_FILES}`"
    if soft < FEWEST_OPEN_FILES:
        return fail(check, found, remedy)
    return ok(check, found) if soft >= ENOUGH_OPEN_FILES else warn(check, found, remedy)


def judge_clock(now: float, newest: float, name: str) -> Finding:
    """The system's time against the newest file that it has written itself."""
    ahead = newest - now
    if ahead > CLOCK_SLACK_SECONDS:
        return warn(
            "clock",
            f"{name} was written {ahead:,.0f} s in the future: the clock was set back",
            "set the clock (NTP: `timedatectl`); signatures, schedules and retries go by it",
        )
    return ok("clock", "no file of the data folder is from the future" if newest else "nothing to compare with yet")


def judge_certificate(name: str, starts: float, ends: float, now: float) -> Finding:
    """A certificate's days; the earliest end of its chain."""
    check, days = "gateway TLS", (ends - now) / 86400
    remedy = f"renew {name}, then end the gateway's process: it starts again by itself"
    if now < starts:
        return fail(check, f"{name} is not valid yet", "check the clock and the certificate")
    if ends <= now:
        return fail(check, f"{name} expired {-days:,.0f} days ago", remedy)
    if ends - now < EXPIRY_NOTICE_SECONDS:
        return warn(check, f"{name} expires in {days:,.0f} days", remedy)
    return ok(check, f"{name} is valid for {days:,.0f} days")


def judge_listen(listen: str, tls: bool, allow_plaintext: bool) -> Finding | None:
    """An API outside loopback without TLS, which does not start."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = host == "localhost"
    if inside or tls or allow_plaintext:
        return None
    return fail(
        "gateway TLS", f"{listen} lies outside loopback and has no TLS: the gateway does not start", "set `gateway.tls`"
    )


def failed(findings: Sequence[Finding]) -> bool:
    """Whether something has to be mended."""
    return any(f.level is Level.FAIL for f in findings)


def counts(findings: Sequence[Finding]) -> Mapping[str, int]:
    """How many of each level."""
    return {level.value: sum(f.level is level for f in findings) for level in Level}
