"""Money is whole won."""

from collections.abc import Iterable
from typing import NewType

Won = NewType("Won", int)

ZERO = Won(0)
MAXIMUM_BALANCE = Won(2_000_000_000)
"""A GraphQL Int has 32 bits; a balance never outgrows it."""


def total(amounts: Iterable[Won]) -> Won:
    return Won(sum(amounts))
