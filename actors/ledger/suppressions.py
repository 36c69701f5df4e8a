"""Addresses that an account must not write to, by scope.

Stored and compared in one form: trimmed, lower case, the domain in ASCII (RFC 5891). An address that has no such form is
refused with its place in the call.
"""

from collections.abc import Sequence

import idna
import sqlalchemy as sa

from actors.ledger import schema
from actors.ledger.store import Store, insert_sql
from actors.ledger.writes import batches
from actors.model.errors import InvalidInput, Problem

BATCH = 10_000  # addresses a statement
MAX_PROBLEMS = 100  # a list of another kind altogether needs no million complaints
MAX_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets

_table = schema.suppressions.c


def normalise(addresses: Sequence[str]) -> list[str]:
    """The stored form of each, without repetitions; InvalidInput names those that are no addresses."""
    problems: list[Problem] = []
    found: dict[str, None] = {}
    for number, address in enumerate(addresses, 1):
        plain = _normal(address)
        if plain:
            found[plain] = None
        elif len(problems) < MAX_PROBLEMS:
            problems.append(Problem("addresses", "is no mail address", line=number))
    if problems:
        raise InvalidInput(tuple(problems))
    return list(found)


def _normal(address: str) -> str:
    """Empty if it is no address."""
    local, at, domain = address.strip().lower().rpartition("@")
    if not (at and local and domain) or not address.strip().isprintable():
        return ""
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            return ""
    plain = f"{local}@{domain}"
    return plain if len(plain) <= MAX_ADDRESS else ""


def insert(store: Store, connection: sa.Connection, account: str, scope: str, found: list[str], reason: str, now: float) -> int:
    """Adds addresses in their stored form; how many were new."""
    sql = insert_sql(store, schema.suppressions, ("account", "scope", "address", "reason", "since"), "ON CONFLICT DO NOTHING")
    new = 0
    for part in batches(found, BATCH):
        new += connection.exec_driver_sql(sql, [(account, scope, a, reason, now) for a in part]).rowcount
    return new


def delete(store: Store, connection: sa.Connection, account: str, scope: str, found: list[str]) -> int:
    """Removes addresses; how many there were."""
    mark = store.mark
    sql = f"DELETE FROM suppressions WHERE account = {mark} AND scope = {mark} AND address = {mark}"
    gone = 0
    for part in batches(found, BATCH):
        gone += connection.exec_driver_sql(sql, [(account, scope, a) for a in part]).rowcount
    return gone


def read(
    connection: sa.Connection, account: str, scopes: Sequence[str], after: str, limit: int
) -> list[tuple[str, str, str, float]]:
    """(address, scope, reason, since) by address. The scopes of one address are never torn apart, so a page may be longer than
    `limit` by the last address's other scopes."""
    columns = (_table.address, _table.scope, _table.reason, _table.since)
    mine = sa.select(*columns).where(_table.account == account, _table.scope.in_(list(scopes)))
    ordered = mine.order_by(_table.address, _table.scope)
    found = [tuple(r) for r in connection.execute(ordered.where(_table.address > after).limit(limit))]
    if found and len(found) == limit:
        last, scope = found[-1][0], found[-1][1]
        found += [tuple(r) for r in connection.execute(ordered.where(_table.address == last, _table.scope > scope))]
    return found
