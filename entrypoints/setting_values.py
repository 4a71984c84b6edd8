"""What a setting's text stands for. Each raises ValueError where it stands for nothing.

The docstrings of those that ``_required`` reads are what whoever set them is told that they should be.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

EMBEDDED_REDIS = "embedded://"
EMBEDDED_KAFKA = "embedded"
SHORTEST_SECRET = 32
"""Bytes: what HMAC-SHA256 asks for."""


class Unfit(ValueError):
    """A value refused with a reason of its own."""


def text(value: str) -> str:
    """some text"""
    return value


def phone_number(value: str) -> str:
    if not re.fullmatch(r"[0-9]{8,13}", value):
        raise ValueError
    return value


def flag(value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0"):
        raise ValueError
    return value.lower() in ("true", "1")


def between(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not low <= (number := int(value)) <= high:
            raise ValueError
        return number

    return parse


def one_of(*names: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.upper() not in names:
            raise ValueError
        return value.upper()

    return parse


def http_url(value: str) -> str:
    """an http(s) URL"""
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError
    return value.rstrip("/")


def database_url(value: str) -> str:
    """sqlite:///path or mysql://user:password@host[:port][,host[:port]]/database"""
    scheme, _, rest = value.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return value
    if scheme == "mysql" and "/" in rest and rest.rpartition("/")[2]:
        return value
    raise ValueError


def redis_url(value: str) -> str:
    """embedded:// or redis://host:port/0"""
    scheme = value.partition("://")[0]
    if scheme in ("redis+sentinel", "redis+cluster"):
        raise Unfit(f"names {scheme}, which is not supported yet: use redis://host:port/0")
    if value == EMBEDDED_REDIS or (scheme in ("redis", "rediss") and urlsplit(value).hostname):
        return value
    raise ValueError


def kafka_bootstrap(value: str) -> str:
    """embedded, or host:port,host:port…"""
    if value == EMBEDDED_KAFKA:
        return value
    for server in value.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():
            raise ValueError
    return value


def kafka_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", value):
        raise ValueError
    return value


def secret(value: str) -> bytes:
    """at least 32 bytes of text"""
    if len(value.encode()) < SHORTEST_SECRET:
        raise ValueError
    return value.encode()


def pairs(value: str) -> Mapping[str, str]:
    found = dict(pair.strip().split(":", 1) for pair in value.split(",") if pair.strip())
    if not found or not all(found) or not all(found.values()):
        raise ValueError
    return MappingProxyType(found)


def keys(value: str) -> Mapping[str, bytes]:
    """kid:base64,kid:base64… (the first signs), ids of 1 to 8 characters, keys of at least 32 bytes"""
    try:
        found = {kid.strip(): b64decode(key, validate=True) for kid, _, key in (pair.partition(":") for pair in value.split(","))}
    except NotBase64 as wrong:
        raise ValueError from wrong
    if any(not 1 <= len(kid.encode()) <= 8 for kid in found) or any(len(key) < SHORTEST_SECRET for key in found.values()):
        raise ValueError
    return MappingProxyType(found)
