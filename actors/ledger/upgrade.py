"""The tables of a database: made new, or brought up from those of an older program.

An upgrade only adds: tables that are missing, and columns, which hold 0 or nothing in the entries that are there. So it can be
cut short anywhere and done again.
"""

import sqlalchemy as sa

from actors.ledger import schema
from actors.model.errors import Unavailable

PART = "ledger"
_FIRST = {"serial": 0, "conductor_epoch": 0}


def prepare(connection: sa.Connection) -> None:
    """Makes or upgrades the tables; Unavailable if a newer program has written them."""
    there = sa.inspect(connection).has_table("meta")
    if there:
        found = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.name == "schema")).scalar_one()
        if found == schema.SCHEMA_VERSION:
            return
        if found > schema.SCHEMA_VERSION:
            why = f"its tables have version {found}, this program knows version {schema.SCHEMA_VERSION}; update the program"
            raise Unavailable(PART, why)
    schema.metadata.create_all(connection)
    if there:
        _add_columns(connection)
        connection.execute(sa.update(schema.meta).where(schema.meta.c.name == "schema").values(value=schema.SCHEMA_VERSION))
    else:
        values = {"schema": schema.SCHEMA_VERSION} | _FIRST
        connection.execute(sa.insert(schema.meta), [{"name": n, "value": v} for n, v in values.items()])


def _add_columns(connection: sa.Connection) -> None:
    inspector, dialect = sa.inspect(connection), connection.dialect
    for table in schema.metadata.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name)}
        for column in [c for c in table.columns if c.name not in present]:
            kind = column.type.compile(dialect)
            empty = "''" if isinstance(column.type, sa.String) else "0"
            statement = f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind} NOT NULL DEFAULT {empty}'
            connection.exec_driver_sql(statement)
