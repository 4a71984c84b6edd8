"""The database's own clock, by which leases run: one for all processes, however theirs are set."""

from typing import Any

from sqlalchemy import literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from adapters.sql.column_types import UtcDateTime


class moment_in(GenericFunction[Any]):  # noqa: N801, a SQL function
    """The database's present, so many seconds on."""

    type = UtcDateTime()
    inherit_cache = True


def now() -> moment_in:
    return moment_in(literal(0))


def seconds_from_now(seconds: float) -> moment_in:
    return moment_in(literal(seconds))


@compiles(moment_in, "mysql")
def _on_mysql(element: moment_in, compiler: SQLCompiler, **options: Any) -> str:
    return f"(UTC_TIMESTAMP(6) + INTERVAL {compiler.process(element.clauses, **options)} SECOND)"


@compiles(moment_in, "sqlite")
def _on_sqlite(element: moment_in, compiler: SQLCompiler, **options: Any) -> str:
    """To the millisecond, written as wide as a stored moment, so that texts compare as moments do."""
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {compiler.process(element.clauses, **options)} || ' seconds') || '000')"
