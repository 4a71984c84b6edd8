"""Redis as the queue uses it: scripts that name the epoch they are meant for, each with a deadline."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from adapters.redis.errors import answered_within
from adapters.redis.keys import keys_of
from application.ports.waiting_queue import EpochLost, QueueEpoch
from domain.ids import ConcertId

Argument = str | bytes | int


@dataclass(frozen=True, slots=True)
class Script:
    text: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha1(self.text.encode(), usedforsecurity=False).hexdigest())


def script(*names: str) -> Script:
    """The named .lua files beside this one, as one script."""
    return Script("\n".join(files("adapters.redis").joinpath(f"{name}.lua").read_text(encoding="utf-8") for name in names))


class RedisStore:
    """``marker`` names the server's history, as far as it is known: another one means that writes may have been lost.

    The client may belong to a real server or to the in-process one: both run the same scripts.
    """

    def __init__(self, client: Redis, marker: Callable[[], str | None], deadline_seconds: float = 1.0) -> None:
        self.client = client
        self._marker = marker
        self.deadline = deadline_seconds

    async def run_in(self, at: QueueEpoch, which: Script, *arguments: Argument) -> list[Any]:
        """What the script answers in this epoch. Raises EpochLost in another, QueueUnavailable when Redis is."""
        answer: list[Any] = await self.run(which, at.concert_id, await self.epoch_mark(at), *arguments)
        if answer[0] != 1:
            raise EpochLost(*at)
        return answer[1:]

    async def run(self, which: Script, concert_id: ConcertId, *arguments: Argument) -> Any:
        keys = keys_of(concert_id)
        async with answered_within(self.deadline):
            try:
                return await self.client.evalsha(which.digest, len(keys), *keys, *arguments)
            except NoScriptError:
                return await self.client.eval(which.text, len(keys), *keys, *arguments)

    async def epoch_mark(self, at: QueueEpoch) -> str:
        """What stands under the key ``epoch`` while the queue is in that epoch and nothing was lost."""
        if (marker := self._marker()) is None:
            async with answered_within(self.deadline):
                await self.client.ping()  # connecting tells
            marker = self._marker()
        return f"{at.epoch} {marker}"

    async def close(self) -> None:
        await self.client.aclose()
