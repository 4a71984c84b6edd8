"""Where the database is: ``sqlite:///path`` or ``mysql://user:password@host[:port][,host[:port]]/database``."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

DEFAULT_DATABASE = "concert"
MYSQL_PORT = 3306


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteAddress:
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlAddress:
    """``hosts`` are tried in their order: the first that takes writes is used."""

    hosts: tuple[tuple[str, int], ...]
    user: str
    password: str = field(repr=False)
    database: str


def parse_address(url: str) -> SqliteAddress | MysqlAddress:
    """Raises ValueError, without repeating the URL: it may carry a password."""
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("a database URL has no query and no fragment")
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        return SqliteAddress(path=Path(unquote(parts.path[1:])))
    if parts.scheme == "mysql" and parts.netloc:
        who, _, hosts = parts.netloc.rpartition("@")
        user, _, password = who.partition(":")
        return MysqlAddress(
            hosts=tuple(_host(host) for host in hosts.split(",")),
            user=unquote(user) or "root",
            password=unquote(password),
            database=unquote(parts.path.strip("/")) or DEFAULT_DATABASE,
        )
    raise ValueError("a database URL is sqlite:///path or mysql://user:password@host[:port][,host[:port]]/database")


def _host(text: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[::1]`` or ``[::1]:port``."""
    name, bracket, rest = text.removeprefix("[").partition("]") if text.startswith("[") else ("", "", "")
    if not bracket:
        name, colon, port = text.partition(":")
        rest = colon + port
    port = rest.removeprefix(":")
    if not name or (rest and not port.isdigit()):
        raise ValueError("a host in the database URL is host[:port]")
    return name, int(port) if port else MYSQL_PORT
