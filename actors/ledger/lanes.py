"""What lanes have learned, and the decisions about them: texts that only reputation reads. The newest decisions are kept."""

from collections.abc import Sequence

import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.store import Store, insert_sql

MOST_DECISIONS = 50_000  # some 100 MB; older ones are dropped

_lanes, _decisions = schema.lanes.c, schema.lane_decisions.c


def load(connection: sa.Connection) -> list[tuple[str, str, str]]:
    """(egress, site, text) of every lane."""
    return [(r[0], r[1], r[2]) for r in connection.execute(sa.select(_lanes.egress, _lanes.site, _lanes.text))]


def save(
    store: Store,
    connection: sa.Connection,
    lanes: Sequence[tuple[str, str, str]],
    gone: Sequence[tuple[str, str]],
    decisions: Sequence[tuple[str, str, float, str]],
) -> None:
    """Writes lanes, takes others away, adds decisions and drops those that are too many."""
    mark = store.mark
    if lanes:
        replace = "ON CONFLICT (egress, site) DO UPDATE SET text = excluded.text"
        connection.exec_driver_sql(insert_sql(store, schema.lanes, ("egress", "site", "text"), replace), list(lanes))
    if gone:
        connection.exec_driver_sql(f"DELETE FROM lanes WHERE egress = {mark} AND site = {mark}", list(gone))
    if decisions:
        last = connection.execute(sa.select(sa.func.max(_decisions.serial))).scalar() or 0
        rows = [(last + n, *decision) for n, decision in enumerate(decisions, 1)]
        columns = ("serial", "site", "egress", "at", "text")
        connection.exec_driver_sql(insert_sql(store, schema.lane_decisions, columns, ""), rows)
        connection.execute(sa.delete(schema.lane_decisions).where(_decisions.serial <= last + len(rows) - MOST_DECISIONS))


def decisions(connection: sa.Connection, site: str, egress: str, limit: int) -> list[str]:
    """The newest decisions, oldest first; empty matches all, a site's name also the same site with other demands."""
    query = sa.select(_decisions.text).order_by(_decisions.serial.desc()).limit(limit)
    if site:
        query = query.where(sa.or_(_decisions.site == site, _decisions.site.startswith(f"{site}!", autoescape=True)))
    if egress:
        query = query.where(_decisions.egress == egress)
    return [r[0] for r in connection.execute(query)][::-1]
