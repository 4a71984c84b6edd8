"""Two cards, two tabs, points and a card at once, cancelling and sweeping while a confirm is in flight: what one process does of it."""

import asyncio
import pickle
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import BookingError, TransientError
from domain.ids import ReservationId
from tests.chaos.house import Fan, Ground, House, Order, opened_house

SPREAD = 0.4
"""Seconds within which everybody does what they do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One fan's hold, and two orders with a card each, minted before anything was paid."""

    fan: Fan
    reservation_id: ReservationId
    orders: tuple[Order, Order]
    cards: tuple[str, str]


Act = Callable[[House, Contest], Awaitable[Any]]

ACTS: dict[str, Act] = {
    "points": lambda house, it: house.pay(it.fan, it.reservation_id, key="points"),
    "first card": lambda house, it: house.pay(it.fan, it.reservation_id, it.orders[0], it.cards[0], key="first"),
    "second card": lambda house, it: house.pay(it.fan, it.reservation_id, it.orders[1], it.cards[1], key="second"),
    "cancel": lambda house, it: house.cancel(it.fan, it.reservation_id),
}


def take_part(ground: Ground, contests: Path, number: int, rounds: int) -> None:
    """Each fan's acts in a random order and at random moments, while the roles work; what was answered is left in a file."""
    half_done = contests.with_name(f"half-{number}")
    told = asyncio.run(_take_part(ground, pickle.loads(contests.read_bytes()), random.Random(number), rounds, half_done))
    contests.with_name(f"told-{number}").write_bytes(pickle.dumps(told))


async def _take_part(
    ground: Ground, contests: Sequence[Contest], chance: random.Random, rounds: int, half_done: Path
) -> list[tuple[int, str, Any]]:
    told: list[tuple[int, str, Any]] = []

    async def act(index: int, name: str) -> None:
        await asyncio.sleep(chance.random() * SPREAD)
        try:
            told.append((index, name, await ACTS[name](house, contests[index])))
        except BookingError as refusal:
            told.append((index, name, refusal.code))

    async with opened_house(ground, patience=0.3, concurrency=8) as house:
        working = [asyncio.create_task(_for_ever(house.roles[name])) for name in ("reconciler", "reconciler", "sweeper")]
        for done in range(rounds):
            if done == rounds // 2:
                await asyncio.to_thread(half_done.touch)
            names = [(index, name) for index in range(len(contests)) for name in chance.sample(sorted(ACTS), 2)]
            await asyncio.gather(*(act(index, name) for index, name in names))
        for role in working:
            role.cancel()
        ends = await asyncio.gather(*working, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
    return told


async def _for_ever(role: Callable[[], Awaitable[int]]) -> None:
    while True:
        try:
            found = await role()
        except TransientError:
            found = 0
        await asyncio.sleep(0.0 if found else 0.02)
