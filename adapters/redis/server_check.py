"""Whether a Redis server may be trusted with people's places."""

from dataclasses import dataclass

from adapters.redis.errors import RedisSettingsError, answered_within
from adapters.redis.store import RedisStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReport:
    """``append_only``: writes survive a restart. ``replicas``: how many copies there are."""

    version: str
    append_only: bool
    replicas: int


async def check_server(store: RedisStore, deadline_seconds: float = 5.0) -> ServerReport:
    """Raises RedisSettingsError where the server would evict waiting people, QueueUnavailable where it does not answer."""
    async with answered_within(deadline_seconds):
        info = await store.client.info("everything")
    if (policy := info.get("maxmemory_policy")) != "noeviction":
        raise RedisSettingsError(f"maxmemory-policy is {policy}: the queue's server needs noeviction")
    return ServerReport(
        version=str(info["redis_version"]),
        append_only=info.get("aof_enabled") == 1,
        replicas=int(info.get("connected_slaves", 0)),
    )
