"""What a setting's text stands for. Each raises ValueError where it stands for nothing, and says in its docstring what it should be."""

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


def phone_number(text: str) -> str:
    if not re.fullmatch(r"[0-9]{8,13}", text):
        raise ValueError
    return text


def flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError
    return text.lower() in ("true", "1")


def between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not low <= (number := int(text)) <= high:
            raise ValueError
        return number

    return parse


def one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.upper() not in names:
            raise ValueError
        return text.upper()

    return parse


def http_url(text: str) -> str:
    """an http(s) URL"""
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError
    return text.rstrip("/")


def database_url(text: str) -> str:
    """sqlite:///path or mysql://user:password@host[:port][,host[:port]]/database"""
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return text
    if scheme == "mysql" and "/" in rest and rest.rpartition("/")[2]:
        return text
    raise ValueError


def redis_url(text: str) -> str:
    """embedded:// or redis://host:port/0"""
    scheme = text.partition("://")[0]
    if scheme in ("redis+sentinel", "redis+cluster"):
        raise Unfit(f"names {scheme}, which is not supported yet: use redis://host:port/0")
    if text == EMBEDDED_REDIS or (scheme in ("redis", "rediss") and urlsplit(text).hostname):
        return text
    raise ValueError


def kafka_bootstrap(text: str) -> str:
    """embedded, or host:port,host:port…"""
    if text == EMBEDDED_KAFKA:
        return text
    for server in text.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():
            raise ValueError
    return text


def kafka_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", text):
        raise ValueError
    return text


def secret(text: str) -> bytes:
    """at least 32 bytes of text"""
    if len(text.encode()) < SHORTEST_SECRET:
        raise ValueError
    return text.encode()


def pairs(text: str) -> Mapping[str, str]:
    pairs = dict(pair.strip().split(":", 1) for pair in text.split(",") if pair.strip())
    if not pairs or not all(name and value for name, value in pairs.items()):
        raise ValueError
    return MappingProxyType(pairs)


def keys(text: str) -> Mapping[str, bytes]:
    """kid:base64,kid:base64… (the first signs), ids of 1 to 8 characters, keys of at least 32 bytes"""
    try:
        keys = {kid.strip(): b64decode(key, validate=True) for kid, _, key in (pair.partition(":") for pair in text.split(","))}
    except NotBase64 as wrong:
        raise ValueError from wrong
    if any(not 1 <= len(kid.encode()) <= 8 for kid in keys) or any(len(key) < SHORTEST_SECRET for key in keys.values()):
        raise ValueError
    return MappingProxyType(keys)
