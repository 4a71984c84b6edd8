"""Databases for the adapters' tests."""

from tests.migrated import database_url, emptied_mysql_url, migrated_mysql_url, migrated_sqlite, sqlite_file

__all__ = ["database_url", "emptied_mysql_url", "migrated_mysql_url", "migrated_sqlite", "sqlite_file"]
