"""Small transactions to try the unit of work with, and a clock that tells groups apart."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from application.ports.unit_of_work import Needs
from application.work import Work
from domain.ids import UserId
from domain.money import Won

T = TypeVar("T")

SHARD = UUID(int=0x54)


@dataclass(slots=True)
class TickingClock:
    """A microsecond later at each look: who decided at the same moment decided in the same group."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        self.moment += timedelta(microseconds=1)
        return self.moment


@dataclass(slots=True)
class Plain(Generic[T]):
    """Whatever a test wants."""

    needed: Needs
    body: Callable[[Work], T]

    def needs(self) -> Needs:
        return self.needed

    def decide(self, work: Work) -> T:
        return self.body(work)


def top_up(user_id: UserId, amount: int = 1, then: Callable[[Work], Any] = lambda work: work.now, shard: UUID = SHARD) -> Plain[Any]:
    """Adds points, and answers with what ``then`` says."""

    def body(work: Work) -> Any:
        account, entry = work.point_accounts.of(user_id).top_up(Won(amount), uuid4(), work.now)
        work.point_accounts.save(account)
        work.ledger.add(entry)
        return then(work)

    return Plain(Needs(shard=shard, point_accounts=(user_id,)), body)
