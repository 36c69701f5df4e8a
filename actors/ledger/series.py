"""Figures over all rows of a job for its report: over time, by lane, by reply, and the rows that were in doubt.

Summed up by SQL in stretches of rows, so that other callers get their turn between two stretches. `Series` holds the sums of
the stretches read so far.
"""

from collections import Counter
from typing import Any

import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.rebuild import STRETCH
from actors.ledger.states import DELIVERED
from actors.model.job import JobRecord
from actors.model.states import Blame, RowState

# Widths of a time bin in seconds: the smallest that gives at most MAX_BINS is taken.
WIDTHS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600)
MAX_BINS = 180  # about what a picture can show
TOP_REPLIES = 20
MAX_REPLIES = 10_000  # different replies kept while summing: receivers that put a serial number in each end nowhere
REPLY_CHARS = 160  # replies that agree so far are one
TOP_LANES = 400  # told to the report, those with the most attempts
MAX_LANES = 20_000  # held while summing: a list may have a site a row
MAX_DOUBTS = 1000  # named in the report; the doubts table has all

_entry, _past = schema.rows.c, schema.history.c


class Series:
    """The sums for one job."""

    def __init__(self, job: int, record: JobRecord, now: float):
        self._job, self._record = job, record
        self._start = record.started_at or record.created_at
        span = max((record.ended_at or now) - self._start, 1.0)
        self._width = next((w for w in WIDTHS if span / w <= MAX_BINS), WIDTHS[-1])
        self._bins: Counter[tuple[int, str]] = Counter()
        self._sites: Counter[tuple[str, int]] = Counter()
        self._lanes: dict[tuple[str, str], Counter[str]] = {}
        self._egresses: dict[tuple[str, int], Counter[str]] = {}
        self._replies: Counter[tuple[str, int, str, str]] = Counter()

    @property
    def stretches(self) -> range:
        """The first rows of the stretches that `add` must be called with."""
        return range(0, self._record.rows, STRETCH)

    def add(self, connection: sa.Connection, low: int) -> None:
        """Sums up one stretch."""
        high = low + STRETCH
        mine = (_entry.job == self._job, _entry.row >= low, _entry.row < high)
        past = (_past.job == self._job, _past.row >= low, _past.row < high)
        count = sa.func.count()
        bin_ = self._bin(_entry.last_at)
        tried = sa.select(bin_, _entry.egress, _entry.state, count).where(*mine, _entry.attempts > 0, _entry.state > 2)
        for at, egress, state, n in connection.execute(tried.group_by(bin_, _entry.egress, _entry.state)):
            self._bins[int(at), RowState(state).label] += n
            self._egress(egress, int(at))[RowState(state).label] += n
        bin_ = self._bin(_past.at)
        deferred = sa.select(bin_, _past.egress, _past.blame, count).where(*past)
        for at, egress, blame, n in connection.execute(deferred.group_by(bin_, _past.egress, _past.blame)):
            self._bins[int(at), "deferred"] += n
            self._egress(egress, int(at))["blocked" if blame == Blame.EGRESS else "deferred"] += n
        self._add_lanes(connection, mine, past)
        refused = _replies(_entry, sa.and_(*mine, _entry.code > 0, _entry.state != DELIVERED, _entry.state != 1))
        for source, rows in (("refused", refused), ("deferred", _replies(_past, sa.and_(*past, _past.code > 0)))):
            for code, enhanced, reply, n in connection.execute(rows):
                self._replies[source, code, enhanced, reply] += n
        if len(self._replies) > MAX_REPLIES:
            self._replies = Counter(dict(self._replies.most_common(MAX_REPLIES // 2)))

    def _add_lanes(self, connection: sa.Connection, mine: tuple[Any, ...], past: tuple[Any, ...]) -> None:
        count = sa.func.count()
        sites = sa.select(_entry.site, _entry.egress, _entry.state, count).where(*mine, _entry.site != "")
        for site, egress, state, n in connection.execute(sites.group_by(_entry.site, _entry.egress, _entry.state)):
            self._sites[site, state] += n
            if state > 2:  # a deferral is told by the history
                self._lane(site, egress)[RowState(state).label] += n
        deferred = sa.select(_past.site, _past.egress, _past.blame, count).where(*past, _past.site != "")
        for site, egress, blame, n in connection.execute(deferred.group_by(_past.site, _past.egress, _past.blame)):
            self._lane(site, egress)["blocked" if blame == Blame.EGRESS else "deferred"] += n
        if len(self._lanes) > MAX_LANES:
            self._lanes = dict(self._busiest(MAX_LANES // 2))

    def _lane(self, site: str, egress: str) -> Counter[str]:
        return self._lanes.setdefault((site, egress), Counter())

    def _egress(self, egress: str, at: int) -> Counter[str]:
        return self._egresses.setdefault((egress, at), Counter())

    def _busiest(self, most: int) -> list[tuple[tuple[str, str], Counter[str]]]:
        return sorted(self._lanes.items(), key=lambda lane: (-lane[1].total(), lane[0]))[:most]

    def finish(self, connection: sa.Connection) -> dict[str, Any]:
        """The sums as plain values: `bins` from `start` in steps of `width` seconds; `lanes`, and `egresses` by time, with
        attempts by how they ended: a row's state, `deferred`, or `blocked` where the reply spoke about our address."""
        bins = {at for at, _ in self._bins}
        doubt = schema.doubts.c
        named = sa.select(schema.doubts).where(doubt.job == self._job).order_by(doubt.row, doubt.serial).limit(MAX_DOUBTS)
        sites: dict[str, dict[str, int]] = {}
        for (site, state), n in self._sites.items():
            sites.setdefault(site, {})[RowState(state).label] = n
        return {
            "start": self._start,
            "width": self._width,
            "bins": [
                {"at": self._start + at * self._width} | {what: n for (b, what), n in self._bins.items() if b == at}
                for at in sorted(bins)
            ],
            "sites": dict(sorted(sites.items(), key=lambda kv: -sum(kv[1].values()))),
            "lanes": [{"site": site, "egress": egress} | dict(n) for (site, egress), n in self._busiest(TOP_LANES)],
            "egresses": [
                {"egress": egress, "at": self._start + at * self._width} | dict(n)
                for (egress, at), n in sorted(self._egresses.items())
                if egress
            ],
            "replies": [
                {"kind": kind, "code": code, "enhanced": enhanced, "reply": reply, "count": n}
                for (kind, code, enhanced, reply), n in self._replies.most_common(TOP_REPLIES)
            ],
            "doubts": [
                {k: m[k] for k in ("row", "egress", "epoch", "attempt", "opened_at", "at", "stamp", "cause")}
                | {"became": RowState(m["became"]).label}
                for m in connection.execute(named).mappings()
            ],
        }

    def _bin(self, at: Any) -> Any:
        return sa.cast(at - self._start, sa.BigInteger) // self._width


def _replies(columns: Any, where: Any) -> Any:
    reply = sa.func.substr(columns.reply, 1, REPLY_CHARS)
    kinds = (columns.code, columns.enhanced, reply)
    grouped = sa.select(*kinds, sa.func.count().label("n")).where(where).group_by(*kinds)
    return grouped.order_by(sa.desc("n")).limit(MAX_REPLIES // 10)
