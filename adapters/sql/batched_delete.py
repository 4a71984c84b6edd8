"""Deleting a little at a time."""

from sqlalchemy import ColumnElement, Delete, Table, delete, select, tuple_


def delete_at_most(table: Table, condition: ColumnElement[bool], limit: int, dialect_name: str) -> Delete:
    """MySQL limits a DELETE by itself; SQLite looks the keys up first."""
    if dialect_name == "mysql":
        return delete(table).where(condition).with_dialect_options(mysql_limit=limit)
    key = list(table.primary_key.columns)
    return delete(table).where(tuple_(*key).in_(select(*key).where(condition).limit(limit)))
