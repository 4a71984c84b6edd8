"""A process is ready when what it cannot do without answers, and says so in time."""

import asyncio

from application.operations.health import Health, Readiness


class Probe:
    def __init__(self, server: str, answer: bool | None) -> None:
        self.server = server
        self._answer = answer

    async def answers(self) -> bool:
        if self._answer is None:
            await asyncio.sleep(60)
        return bool(self._answer)


class Gauges:
    def __init__(self) -> None:
        self.read: dict[str, float] = {}

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        return

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        return

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.read[f"{name} {labels['server']}"] = value


async def test_it_is_ready_without_what_only_helps() -> None:
    gauges = Gauges()
    readiness = await Health([Probe("database", True)], [Probe("redis", False)], gauges)()
    assert readiness == Readiness(ready=True, servers={"database": True, "redis": False})
    assert gauges.read == {"concert_ready database": 1.0, "concert_ready redis": 0.0}


async def test_it_is_not_ready_without_what_it_needs() -> None:
    assert not (await Health([Probe("database", False)], [Probe("redis", True)], Gauges())()).ready


async def test_a_server_that_hangs_is_away() -> None:
    readiness = await asyncio.wait_for(Health([Probe("database", None)], [], Gauges(), patience=0.05)(), 1)
    assert readiness == Readiness(ready=False, servers={"database": False})
