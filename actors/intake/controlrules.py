"""What must hold inside one control file besides its shape: names, times, mailboxes, bundle paths. Pure; reads no other
file.
"""

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

from actors.intake.encoding import ENCODINGS
from actors.intake.problems import Problems, nearest
from actors.intake.sending import PRIORITIES, rate_of, weekdays
from actors.intake.types import TYPES
from actors.intake.zips import check_name
from actors.model.mailbox import check_mailbox
from actors.model.spec import DsnSpec, JobSpec, ListSpec, TableSpec

MAX_RETRY = 30 * 86400.0  # no receiver's greylist or outage is waited for longer
MAX_NAME = 200
NOTIFY = ("success", "failure", "delay", "never")
RET = ("headers", "full")
DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "\\t": "\t"}

_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}", re.ASCII)  # RFC 5322 section 3.6.8
_WINDOW = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)", re.ASCII)
Fault = Callable[[str, str], None]

_MAILBOX = re.compile(r"[^<>]*<([^<>]+)>\s*")


def is_template(text: str) -> bool:
    return "{{" in text or "{%" in text or "{#" in text


def check_spec(file: str, spec: JobSpec, lines: dict[str, int], problems: Problems) -> None:
    """Adds a problem for every rule that is broken; `lines` maps `sender.from` to where it stands."""

    def fault(place: str, message: str) -> None:
        problems.add(file, f"{place}: {message}", lines.get(place, 0))

    if not spec.name.strip() or len(spec.name) > MAX_NAME:
        fault("name", f"must have 1 to {MAX_NAME} characters")
    for place, text in (
        ("sender.from", spec.sender.from_),
        ("sender.reply_to", spec.sender.reply_to),
        ("sender.return_path", spec.sender.return_path),
    ):
        if (text or place == "sender.from") and (why := _mailbox_fault(text)):
            fault(place, why)
    for name in spec.content.headers:
        if not _HEADER_NAME.fullmatch(name):
            fault(f"content.headers.{name}", "is no header name (ASCII without blanks and colon)")
    if not spec.content.html and not spec.content.text:
        fault("content", "html or text must name a template file")
    if not 0 <= spec.content.max_render_errors <= 1:
        fault("content.max_render_errors", "must lie between 0 and 1")
    _check_gates(spec, fault)
    _check_list(spec, fault)
    _check_schedule(spec, fault)
    if not 0 < spec.delivery.retry_for <= MAX_RETRY:
        fault("delivery.retry_for", "must be more than 0 and at most 30d")
    if spec.delivery.priority not in PRIORITIES:
        fault("delivery.priority", f"must be one of {', '.join(PRIORITIES)}{nearest(spec.delivery.priority, PRIORITIES)}")
    try:
        rate_of(spec.delivery.rate)
    except ValueError as error:
        fault("delivery.rate", str(error))
    _check_dsn(spec.delivery.dsn, fault)
    if not spec.delivery.pool:
        fault("delivery.pool", "must not be empty")


def delimiter_of(text: str) -> str:
    """The character that `list.delimiter` names; empty for `auto`."""
    return "" if text in ("auto", "") else DELIMITERS.get(text, text)


def _mailbox_fault(text: str) -> str:
    if is_template(text):
        return "takes no template"
    found = _MAILBOX.fullmatch(text)
    address = check_mailbox(found[1].strip() if found else text.strip())
    return f"is no mailbox: {address.reason}" if address.reason else ""


def _check_gates(spec: JobSpec, fault: Fault) -> None:
    gates = spec.content.gates
    for name in ("max_render_errors", "max_skipped", "max_blank_rows"):
        if (share := getattr(gates, name)) is not None and not 0 <= share <= 1:
            fault(f"content.gates.{name}", "must lie between 0 and 1, or between 0% and 100%")
    for name in ("min_rows", "max_rows", "max_size_kb", "max_subject_chars"):
        if (most := getattr(gates, name)) is not None and most < 0:
            fault(f"content.gates.{name}", "must not be less than 0")
    for name in spec.content.allow_private:
        if name not in spec.list_.private:
            fault("content.allow_private", f"{name!r} is no private column{nearest(name, spec.list_.private)}")


def _check_dsn(dsn: DsnSpec, fault: Fault) -> None:
    for word in dsn.notify:
        if word not in NOTIFY:
            fault("delivery.dsn.notify", f"must be some of {', '.join(NOTIFY)}{nearest(word, NOTIFY)}")
    if "never" in dsn.notify and len(dsn.notify) > 1:
        fault("delivery.dsn.notify", "never stands alone (RFC 3461 section 4.1)")
    if len(set(dsn.notify)) < len(dsn.notify):
        fault("delivery.dsn.notify", "names one twice")
    if dsn.ret not in RET:
        fault("delivery.dsn.ret", f"must be {' or '.join(RET)}{nearest(dsn.ret, RET)}")


def _check_list(spec: JobSpec, fault: Fault) -> None:
    if why := check_name(spec.list_.file):
        fault("list.file", why)
    if not spec.list_.email:
        fault("list.email", "must name the address column")
    _check_reading("list", spec.list_, fault)
    for name, table in spec.tables.items():
        _check_reading(f"tables.{name}", table, fault)


def _check_reading(place: str, spec: ListSpec | TableSpec, fault: Fault) -> None:
    for name, kind in spec.columns.items():
        if kind not in TYPES:
            fault(f"{place}.columns.{name}", f"unknown type {kind!r}{nearest(kind, TYPES)}")
    if spec.encoding.lower() not in ENCODINGS:
        fault(f"{place}.encoding", f"must be one of {', '.join(ENCODINGS)}")
    delimiter = delimiter_of(spec.delimiter)
    if delimiter and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
        fault(f"{place}.delimiter", "must be auto, comma, tab, semicolon, pipe or one ASCII character")


def _check_schedule(spec: JobSpec, fault: Fault) -> None:
    schedule = spec.schedule
    try:
        ZoneInfo(schedule.timezone)
    except (ValueError, OSError, KeyError):
        fault("schedule.timezone", "is no time zone name such as Asia/Taipei")
    for i, window in enumerate(schedule.pause):
        if not _WINDOW.fullmatch(window.strip()):
            fault(f"schedule.pause[{i}]", "must be a window such as 12:00-13:30")
    try:
        weekdays(schedule.days)
    except ValueError as error:
        fault("schedule.days", str(error))
    if schedule.start and schedule.deadline and schedule.deadline <= schedule.start:
        fault("schedule.deadline", "must lie after schedule.start")
