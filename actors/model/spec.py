"""The control file as values: what a bundle asks for (docs/bundle.md).

`job.yaml`, `job.json` and the proto `JobSpec` all become a `JobSpec`. Names ending in `_` lose the underscore in the file
(`from_` is `from`). Parsing and checking is intake's; an unknown key is refused there.
"""

from dataclasses import dataclass, field
from datetime import datetime

from actors.model.states import OnDoubt


@dataclass(frozen=True, slots=True)
class SenderSpec:
    """Who writes: RFC 5322 mailboxes; `return_path` is the envelope sender (default: the From address), with `verp` one for
    each row below it."""

    from_: str
    reply_to: str = ""
    return_path: str = ""
    verp: bool = False


@dataclass(frozen=True, slots=True)
class AttachmentSpec:
    """What goes with the mail: a file of the bundle, or one made from a template of it. All but `template` are templates
    themselves, so that each row can have its own."""

    file: str = ""
    name: str = ""  # the name that the reader sees; default: the file's own
    template: str = ""  # instead of `file`: .csv, .ics, .txt or .html; .html is made a PDF where `name` ends in .pdf
    password: str = ""  # opens the PDF


@dataclass(frozen=True, slots=True)
class GatesSpec:
    """What the look at the whole list must find before the job may begin; None: not asked. Shares are of the rows to send."""

    min_rows: int | None = None  # rows to send
    max_rows: int | None = None
    max_render_errors: float | None = None  # share of rows that cannot be rendered
    max_skipped: float | None = None  # share of rows that the templates skip
    max_blank_rows: float | None = None  # share of rows with a slot that prints nothing
    max_size_kb: float | None = None  # of the largest mail, in units of 1024 bytes
    max_subject_chars: int | None = None
    require_unsubscribe: bool = False  # List-Unsubscribe in every mail


@dataclass(frozen=True, slots=True)
class ContentSpec:
    """What is written. `html` and `text` name template files of the bundle; the other texts are templates themselves."""

    subject: str
    html: str = ""
    text: str = ""  # made from the HTML when left out
    preheader: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    attachments: tuple[AttachmentSpec, ...] = ()
    unsubscribe: str = ""  # URL or mailto template for List-Unsubscribe (RFC 2369)
    one_click: bool = True  # List-Unsubscribe-Post (RFC 8058) when `unsubscribe` is https
    max_render_errors: float = 0.001  # share of rows; above it the job pauses
    locale: str = "zh-TW"
    as_of: datetime | None = None  # what now() and today() give; default: the time of acceptance
    seed: int = 0
    gates: GatesSpec = field(default_factory=GatesSpec)
    allow_private: tuple[str, ...] = ()  # private columns that the templates may print as they are


@dataclass(frozen=True, slots=True)
class RulesSpec:
    """List processing: `dedupe` names a column or is empty; `suppress` names suppression scopes of the account."""

    dedupe: str = "email"
    suppress: tuple[str, ...] = ("global",)


@dataclass(frozen=True, slots=True)
class ListSpec:
    """The list: its file and how to read it. `auto` and left-out types are found from the data."""

    file: str = "list.csv"
    email: str = "email"
    columns: dict[str, str] = field(default_factory=dict)  # name -> int|float|decimal|text|bool|date|timestamp
    encoding: str = "auto"
    delimiter: str = "auto"
    sheet: str = ""
    rules: RulesSpec = field(default_factory=RulesSpec)
    private: tuple[str, ...] = ()  # columns that are printed masked or not at all
    best: str = ""  # a yes/no or number column: rows where it is true or above 0 are sent before all others


@dataclass(frozen=True, slots=True)
class TableSpec:
    """How one table of the bundle is read; `auto` and left-out types are found from the data."""

    key: str = ""  # the column that lookups compare; default: the first
    columns: dict[str, str] = field(default_factory=dict)  # name -> int|float|decimal|text|bool|date|timestamp
    encoding: str = "auto"
    delimiter: str = "auto"
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """When: naive times are in `timezone`. Rows left at the deadline are `expired`. `pause`: windows "HH:MM-HH:MM"; `days`:
    "mon", "mon-fri", all when empty."""

    start: datetime | None = None
    deadline: datetime | None = None
    pause: tuple[str, ...] = ()
    timezone: str = "Asia/Taipei"
    days: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DsnSpec:
    """The delivery status notifications that receivers are asked for (RFC 3461); none when `notify` is empty."""

    notify: tuple[str, ...] = ()  # success, failure, delay; or never alone
    ret: str = "headers"  # what of the mail comes back: headers | full


@dataclass(frozen=True, slots=True)
class DeliverySpec:
    """How: which pool of egresses, what to do with rows in doubt, how long to retry (seconds; "48h" in the file), at which rate
    at most ("20000/h"; empty: no limit), before which others."""

    pool: str = "default"
    on_doubt: OnDoubt = OnDoubt.RESEND
    retry_for: float = 48 * 3600.0
    rate: str = ""
    priority: str = "normal"  # low | normal | high | urgent
    dsn: DsnSpec = field(default_factory=DsnSpec)


@dataclass(frozen=True, slots=True)
class ResultsSpec:
    """Where the result files go: an fsspec URL; empty means the vault's own folder of the job."""

    to: str = ""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One control file."""

    name: str
    sender: SenderSpec
    content: ContentSpec
    list_: ListSpec = field(default_factory=ListSpec)
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    delivery: DeliverySpec = field(default_factory=DeliverySpec)
    results: ResultsSpec = field(default_factory=ResultsSpec)
    tables: dict[str, TableSpec] = field(default_factory=dict)  # by name: tables/NAME.csv
