"""Points: an account per person, and a ledger whose entries sum to its balance."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.errors import InsufficientPoints, InvalidAmount
from domain.ids import LedgerEntryId, UserId, derived_id
from domain.money import MAXIMUM_BALANCE, ZERO, Won


class LedgerKind(StrEnum):
    TOP_UP = "TOP_UP"
    DEDUCT = "DEDUCT"
    RESTORE = "RESTORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointLedgerEntry:
    """``amount`` is signed won; unique per (account, source, kind), where the source is a payment or a top-up."""

    id: LedgerEntryId
    user_id: UserId
    sequence: int
    kind: LedgerKind
    amount: int
    balance_after: Won
    source: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAccount:
    """``sequence`` numbers the entries of the ledger."""

    user_id: UserId
    balance: Won = ZERO
    sequence: int = 0

    def top_up(self, amount: Won, source: UUID, now: datetime) -> tuple[Self, PointLedgerEntry]:
        if amount <= 0 or self.balance + amount > MAXIMUM_BALANCE:
            raise InvalidAmount(Won(1), Won(MAXIMUM_BALANCE - self.balance))
        return self._entered(LedgerKind.TOP_UP, amount, source, now)

    def top_up_paid(self, amount: Won, source: UUID, now: datetime) -> tuple[Self, PointLedgerEntry]:
        """Points whose price is proved to be paid; never refused, as the cap was looked at before the money was taken."""
        return self._entered(LedgerKind.TOP_UP, amount, source, now)

    def deduct(self, amount: Won, source: UUID, now: datetime) -> tuple[Self, PointLedgerEntry]:
        if amount > self.balance:
            raise InsufficientPoints(self.balance, amount)
        return self._entered(LedgerKind.DEDUCT, -amount, source, now)

    def restore(self, amount: Won, source: UUID, now: datetime) -> tuple[Self, PointLedgerEntry]:
        """What was deducted comes back; never refused."""
        return self._entered(LedgerKind.RESTORE, amount, source, now)

    def _entered(self, kind: LedgerKind, amount: int, source: UUID, now: datetime) -> tuple[Self, PointLedgerEntry]:
        account = replace(self, balance=Won(self.balance + amount), sequence=self.sequence + 1)
        entry = PointLedgerEntry(
            id=LedgerEntryId(derived_id(source, kind, self.user_id)),
            user_id=self.user_id,
            sequence=account.sequence,
            kind=kind,
            amount=amount,
            balance_after=account.balance,
            source=source,
            created_at=now,
        )
        return account, entry
