"""Databases of one's own on a shared MySQL server."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor


def connect(url: str) -> "Connection[Cursor]":
    """Open a plain connection to `mysql://user:password@host:port/database`, committing each statement."""
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/") or None,
        autocommit=True,
    )


@contextmanager
def fresh_mysql_database(server_url: str) -> Iterator[str]:
    """Lend the URL of an empty database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with closing(connect(server_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        with closing(connect(server_url)) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")
