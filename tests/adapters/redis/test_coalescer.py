import asyncio
from collections.abc import Sequence

import pytest

from adapters.redis.coalescer import Coalescer
from application.ports.waiting_queue import EpochLost
from domain.errors import QueueUnavailable


class Calls:
    def __init__(self) -> None:
        self.made: list[tuple[str, list[int]]] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, key: str, items: Sequence[int]) -> list[int]:
        self.made.append((key, list(items)))
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return [item * 10 for item in items]


def coalescer(calls: Calls, *, batch: int = 4, most_waiting: int = 100) -> Coalescer[str, int, int]:
    return Coalescer(calls.send, batch=batch, most_waiting=most_waiting)


async def test_callers_of_one_moment_share_a_call_each_with_its_own_answer() -> None:
    calls = Calls()
    asked = coalescer(calls)
    assert await asyncio.gather(*(asked.ask("a", n) for n in range(3))) == [0, 10, 20]
    assert calls.made == [("a", [0, 1, 2])]


async def test_what_is_asked_during_a_call_waits_for_the_next_in_order_and_in_batches() -> None:
    calls = Calls()
    asked = coalescer(calls)
    assert await asyncio.gather(*(asked.ask("a", n) for n in range(10))) == [n * 10 for n in range(10)]
    assert calls.made == [("a", [0, 1, 2, 3]), ("a", [4, 5, 6, 7]), ("a", [8, 9])]


async def test_keys_do_not_wait_for_each_other() -> None:
    calls = Calls()
    calls.gate.clear()
    asked = coalescer(calls)
    both = asyncio.gather(asked.ask("a", 1), asked.ask("b", 2))
    await asyncio.sleep(0.01)
    assert calls.made == [("a", [1]), ("b", [2])]
    calls.gate.set()
    assert list(await both) == [10, 20]


async def test_everyone_who_waits_hears_of_an_outage_with_the_first_call() -> None:
    calls = Calls()
    calls.fault = QueueUnavailable("away")
    asked = coalescer(calls)
    answers = await asyncio.gather(*(asked.ask("a", n) for n in range(10)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [QueueUnavailable] * 10
    assert len(set(map(id, answers))) == 10
    assert len(calls.made) == 1
    calls.fault = None
    assert await asked.ask("a", 1) == 10


async def test_another_fault_concerns_only_its_own_call() -> None:
    calls = Calls()
    calls.fault = EpochLost("a", 1)
    asked = coalescer(calls)
    answers = await asyncio.gather(*(asked.ask("a", n) for n in range(6)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [EpochLost] * 6
    assert len(calls.made) == 2


async def test_a_caller_who_gives_up_takes_nobody_along() -> None:
    calls = Calls()
    calls.gate.clear()
    asked = coalescer(calls)
    first, second = asyncio.create_task(asked.ask("a", 1)), asyncio.create_task(asked.ask("a", 2))
    await asyncio.sleep(0.01)
    third = asyncio.create_task(asked.ask("a", 3))
    await asyncio.sleep(0.01)
    first.cancel()
    third.cancel()
    await asyncio.sleep(0)
    calls.gate.set()
    assert await second == 20
    assert await asked.ask("a", 4) == 40
    assert calls.made == [("a", [1, 2]), ("a", [4])]


async def test_a_crowd_that_would_not_be_served_in_time_is_turned_away() -> None:
    calls = Calls()
    calls.gate.clear()
    asked = coalescer(calls, most_waiting=3)
    asking = [asyncio.create_task(asked.ask("a", n)) for n in range(5)]
    await asyncio.sleep(0.01)
    assert [task.done() for task in asking] == [False, False, False, True, True]
    with pytest.raises(QueueUnavailable):
        await asking[4]
    with pytest.raises(QueueUnavailable):
        await asking[3]
    calls.gate.set()
    assert await asyncio.gather(*asking[:3]) == [0, 10, 20]
