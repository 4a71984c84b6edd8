"""Opening MySQL connections that may write."""

from collections.abc import Callable, Mapping
from typing import Any

import aiomysql
from pymysql.constants import CLIENT
from pymysql.converters import decoders
from pymysql.err import Error, OperationalError

from adapters.sql.addresses import MysqlAddress

CONNECT_SECONDS = 3.0
LOCK_WAIT_SECONDS = 2
WRITER_IDLE_SECONDS = 10
"""A session whose process was stopped is ended by the server after so long, and its locks with it."""
READER_IDLE_SECONDS = 600

ER_OPTION_PREVENTS_STATEMENT = 1290
_SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION"


def session_settings(idle_seconds: int) -> str:
    return (
        "SET SESSION transaction_isolation = 'READ-COMMITTED', "
        f"innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, wait_timeout = {idle_seconds}, "
        f"time_zone = '+00:00', sql_mode = '{_SQL_MODE}'"
    )


async def connect(
    address: MysqlAddress,
    *,
    idle_seconds: int,
    autocommit: bool,
    conv: Mapping[int, Callable[[Any], Any]] = decoders,
) -> aiomysql.Connection:
    """The first host, in their order, that answers and takes writes. Raises pymysql's OperationalError.

    A replica answers too, and so does a primary that was just fenced: only ``read_only = 0`` may be written to.
    """
    fault: Error | None = None
    for host, port in address.hosts:
        try:
            connection = await aiomysql.connect(
                host=host,
                port=port,
                user=address.user,
                password=address.password,
                db=address.database,
                charset="utf8mb4",
                connect_timeout=CONNECT_SECONDS,
                init_command=session_settings(idle_seconds),
                autocommit=autocommit,
                conv=conv,
                client_flag=CLIENT.FOUND_ROWS,  # as SQLAlchemy's own connections: rows matched, not rows changed
            )
        except Error as error:
            fault = error
            continue
        if not await _is_read_only(connection):
            return connection
        connection.close()
        fault = OperationalError(ER_OPTION_PREVENTS_STATEMENT, f"{host}:{port} is read-only")
    raise fault or OperationalError(2003, "no host to connect to")


async def _is_read_only(connection: aiomysql.Connection) -> bool:
    try:
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT @@global.read_only")
            (value,) = await cursor.fetchone()
    except BaseException:
        connection.close()
        raise
    return bool(value)
