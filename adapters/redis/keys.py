"""The names under which a concert's queue is kept. They share one hash tag, so that one script reaches all of them."""

from domain.ids import ConcertId
from domain.queue_token import ONLY_LANE

PARTS = ("epoch", f"waiting:{ONLY_LANE}", "active", "granting", "spent", "log", "counters", "admitted", "checks", "loading")
"""In the order in which the scripts unpack them. Each lane has a sorted set of its own; there is one lane yet."""

CHECKS = PARTS.index("checks")


def keys_of(concert_id: ConcertId) -> tuple[str, ...]:
    return tuple(f"{{q:{concert_id.hex}}}:{part}" for part in PARTS)
