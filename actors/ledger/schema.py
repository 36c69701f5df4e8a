"""The ledger's tables, the same on SQLite and PostgreSQL.

A pending row has no entry in `rows`; a row that is being transmitted stands in an open `groups` entry. `rows.group` names the
group that the row's last result answered, so that a row of an open group is open exactly when its entry names another group.
Jobs are numbered (`jobs.id`) because the number is written with every row.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

SCHEMA_VERSION = 5  # goes up with every table or column that is added; `upgrade` adds them to an older database

metadata = MetaData()

# Byte order everywhere: an order that depends on the server's locale would make cursors skip or repeat entries.
Word = Text().with_variant(Text(collation="C"), "postgresql")
Big = BigInteger().with_variant(Integer(), "sqlite")


def _column(name: str, kind: object = Word) -> Column[object]:
    return Column(name, kind, nullable=False)  # type: ignore[arg-type]


meta = Table("meta", metadata, Column("name", Word, primary_key=True), _column("value", Big))

jobs = Table(
    "jobs",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("job", Word, nullable=False, unique=True),
    _column("account"),
    _column("name"),
    _column("state"),
    _column("rows", Big),
    _column("segment_rows", Integer),
    _column("idempotency_key"),
    _column("payload_hash"),
    _column("reason"),
    _column("pool"),
    _column("on_doubt"),
    _column("retry_for", Float(53)),
    _column("max_render_errors", Float(53)),
    _column("created_at", Float(53)),
    _column("start_at", Float(53)),
    _column("deadline_at", Float(53)),
    _column("pause"),  # JSON
    _column("days"),  # JSON
    _column("rate", Float(53)),  # attempts a second, 0 = no limit
    _column("priority", SmallInteger),
    _column("best", SmallInteger),
    _column("timezone"),
    _column("results_to"),
    _column("started_at", Float(53)),
    _column("ended_at", Float(53)),
    _column("swept", SmallInteger),  # the state that all rows left open were swept into; 0 = no sweep
    _column("excused", Big),  # render errors that a person has seen and let pass by resuming the job
)
Index(
    "jobs_key",
    jobs.c.account,
    jobs.c.idempotency_key,
    unique=True,
    sqlite_where=text("idempotency_key <> ''"),
    postgresql_where=text("idempotency_key <> ''"),
)

# Written once, when a job has ended and its last row is settled: from then on nothing of the job is held in memory.
ended = Table(
    "ended",
    metadata,
    Column("job", Big, primary_key=True, autoincrement=False),
    _column("counts"),  # JSON: state number -> rows
    _column("attempts", Big),
    _column("doubts", Big),
    _column("states", LargeBinary),  # zlib over one byte a row
)

rows = Table(
    "rows",
    metadata,
    _column("job", Big),
    _column("row", Big),
    _column("state", SmallInteger),
    _column("attempts", Integer),
    _column("stage"),
    _column("blame"),
    _column("code", SmallInteger),
    _column("enhanced"),
    _column("reply"),
    _column("site"),
    _column("host"),
    _column("egress"),
    _column("reason"),
    _column("tls"),
    _column("first_at", Float(53)),
    _column("last_at", Float(53)),
    _column("next_at", Float(53)),
    _column("stamp", Big),  # what the last message of the row was rendered at
    _column("avoid"),
    _column("in_doubt", Integer),
    _column("group", Big),  # the transmit group that the last result answered; 0 = the row was never opened
    PrimaryKeyConstraint("job", "row"),
    sqlite_with_rowid=False,
)
Index("rows_due", rows.c.job, rows.c.next_at, rows.c.row, sqlite_where=text("state = 1"), postgresql_where=text("state = 1"))

groups = Table(
    "groups",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    _column("egress"),
    _column("epoch", Big),
    _column("job", Big),
    _column("rows", LargeBinary),  # int64, little endian
    _column("stamps", LargeBinary),
    _column("opened_at", Float(53)),
)

egresses = Table("egresses", metadata, Column("egress", Word, primary_key=True), _column("epoch", Big))

doubts = Table(
    "doubts",
    metadata,
    _column("job", Big),
    _column("row", Big),
    _column("serial", Big),
    _column("egress"),
    _column("epoch", Big),
    _column("attempt", Integer),
    _column("opened_at", Float(53)),
    _column("at", Float(53)),
    _column("stamp", Big),
    _column("cause"),  # crash | connection
    _column("became", SmallInteger),  # RowState by the job's on_doubt
    PrimaryKeyConstraint("job", "row", "serial"),
    sqlite_with_rowid=False,
)

# The outcomes that a later one has replaced in `rows`: every deferral.
history = Table(
    "history",
    metadata,
    _column("job", Big),
    _column("row", Big),
    _column("serial", Big),
    _column("at", Float(53)),
    _column("stage"),
    _column("blame"),
    _column("code", SmallInteger),
    _column("enhanced"),
    _column("reply"),
    _column("site"),
    _column("host"),
    _column("egress"),
    _column("reason"),
    _column("tls"),
    PrimaryKeyConstraint("job", "row", "serial"),
    sqlite_with_rowid=False,
)

suppressions = Table(
    "suppressions",
    metadata,
    _column("account"),
    _column("scope"),
    _column("address"),
    _column("reason"),
    _column("since", Float(53)),
    PrimaryKeyConstraint("account", "address", "scope"),
    sqlite_with_rowid=False,
)

# A code that a row of a job has; job 0: none has it. `spent`: its row has ended and keeps it for ever.
codes = Table(
    "codes",
    metadata,
    _column("account"),
    _column("pool"),
    _column("code"),
    _column("serial", Big),  # the order in which they were brought
    _column("job", Big),
    _column("row", Big),
    _column("spent", SmallInteger),
    PrimaryKeyConstraint("account", "pool", "code"),
    sqlite_with_rowid=False,
)
Index("codes_by_job", codes.c.account, codes.c.pool, codes.c.job, codes.c.serial)

# What reputation has learned, as JSON; site '': the egress itself.
lanes = Table(
    "lanes",
    metadata,
    _column("egress"),
    _column("site"),
    _column("text"),
    PrimaryKeyConstraint("egress", "site"),
    sqlite_with_rowid=False,
)

lane_decisions = Table(
    "lane_decisions",
    metadata,
    Column("serial", Big, primary_key=True, autoincrement=False),
    _column("site"),
    _column("egress"),
    _column("at", Float(53)),
    _column("text"),  # JSON
)
