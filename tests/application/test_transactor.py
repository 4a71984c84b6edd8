from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import pytest

from application.event_listeners import LISTENERS
from application.ports.unit_of_work import Transaction
from application.transactor import Transactor
from application.work import Work
from domain.errors import InsufficientPoints, NotCommitted
from domain.ids import BuyerId
from domain.money import Won
from domain.point_account import PointAccount
from tests.application.booking.scene import CONCERT, FAN, SEATS, Scene
from tests.application.booking.test_pay import paying
from tests.application.test_retrying import Counted

T = TypeVar("T")


class MemoryUnitOfWork:
    """Decides on the scene's rows; ``before_commit`` may break the commit."""

    def __init__(self, scene: Scene, before_commit: Callable[[], None] = lambda: None, decisions: int = 1) -> None:
        self.scene = scene
        self.before_commit = before_commit
        self.decisions = decisions

    async def run(self, transaction: Transaction[T]) -> T:
        for _ in range(self.decisions - 1):
            transaction.decide(self._work())
        work = self._work()
        result = transaction.decide(work)
        self.before_commit()
        for kind in ("reservations", "seats", "point_accounts", "payments", "tickets", "outbox", "ledger", "buyers", "idempotency"):
            rows: Any = getattr(work, kind)
            self.scene.rows.setdefault(kind, {}).update(rows.added | rows.changed)
        return result

    def _work(self) -> Work:
        named = {kind: set(rows) for kind, rows in self.scene.rows.items()} | NAMED
        return Work(now=datetime(2026, 11, 23, 12, tzinfo=UTC), loaded=self.scene.rows, named=named)


NAMED: dict[str, set[Any]] = {"idempotency": {paying().command.idempotency}}


class Told:
    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.checked: list[BuyerId] = []
        self.woken = 0

    async def check_pass(self, buyer_id: BuyerId) -> None:
        self.checked.append(buyer_id)
        if self.fault:
            raise self.fault

    async def wake_relay(self) -> None:
        self.woken += 1

    async def wake_gateway(self) -> None: ...


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.hold(10, *SEATS[:2])
    return scene


async def test_listeners_before_the_commit_are_part_of_it_and_hints_come_after(scene: Scene) -> None:
    told = Told()
    unit_of_work = MemoryUnitOfWork(scene, before_commit=lambda: heard_nothing(told))
    await Transactor(unit_of_work, LISTENERS, told, Counted()).run(paying())
    assert len(scene.all("tickets")) == 2
    assert (told.checked, told.woken) == ([BuyerId(CONCERT, FAN)], 1)


def heard_nothing(told: Told) -> None:
    assert (told.checked, told.woken) == ([], 0)


async def test_a_listener_that_refuses_drops_everything(scene: Scene) -> None:
    scene.rows["point_accounts"][FAN] = PointAccount(user_id=FAN, balance=Won(1))
    told = Told()
    with pytest.raises(InsufficientPoints):
        await Transactor(MemoryUnitOfWork(scene), LISTENERS, told, Counted()).run(paying())
    assert (scene.all("payments"), scene.all("tickets"), scene.all("outbox"), told.woken) == ([], [], [], 0)
    assert scene.rows["reservations"][paying().command.reservation_id].status == "PENDING"


async def test_no_hint_is_given_for_what_was_not_committed(scene: Scene) -> None:
    def broken() -> None:
        raise NotCommitted("deadlock")

    told = Told()
    with pytest.raises(NotCommitted):
        await Transactor(MemoryUnitOfWork(scene, before_commit=broken), LISTENERS, told, Counted()).run(paying())
    assert (told.checked, told.woken) == ([], 0)


async def test_a_failing_hint_is_counted_and_fails_nobody(scene: Scene) -> None:
    told, metrics = Told(fault=RuntimeError("away")), Counted()
    payment_id = await Transactor(MemoryUnitOfWork(scene), LISTENERS, told, metrics).run(paying())
    assert payment_id.payment == UUID(int=70)
    assert told.woken == 1
    assert metrics.counts == [("concert_after_commit_failures_total", {"hint": "expire_queue_token"})]


async def test_a_transaction_that_is_decided_twice_is_heard_once(scene: Scene) -> None:
    told = Told()
    await Transactor(MemoryUnitOfWork(scene, decisions=2), LISTENERS, told, Counted()).run(paying())
    assert (len(told.checked), told.woken) == (1, 1)
