"""Sagas in which the gateway's word comes late: after the hold is over, or after the attempt was believed to have failed."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from application.ports.payment_gateway import AnswerClass, ConfirmRequest
from domain.errors import PaymentPending, TopUpPending
from domain.money import Won
from tests.chaos.books import Books
from tests.chaos.house import PRICE, House, Order
from tests.chaos.sagas import POINTS, SOLD, OneFan, fan_with_seats
from tests.chaos.time_passes import let_time_pass

AFTER_THE_PIN = 13 * 60
"""Seconds: longer than a request may still be sent, too."""


async def begun_by_one_who_stops(house: House, order: Order, card: str) -> ConfirmRequest:
    """What a worker was about to send when it stopped."""
    errands = house.container.errands()
    [due] = [due for due in await errands.claim("gone", 8, 90) if due.errand.order_id == order.order_id]
    assert await errands.begin_send("gone", due.errand.id)
    key = due.errand.idempotency_key
    return ConfirmRequest(order_id=order.order_id, payment_key=card, amount=Won(order.amount), idempotency_key=key)


async def charged_after_all(house: House, order: Order, card: str) -> None:
    """The attempt is given up, and then the worker goes on."""
    request = await begun_by_one_who_stops(house, order, card)
    await let_time_pass(house.container.database(), AFTER_THE_PIN)
    await house.work("reconciler")
    books = await house.books()
    assert [row.status for kind in ("payments", "top_ups") for row in books.rows[kind]] == ["FAILED"]
    assert books.standing() == 0
    answer = await house.container.gateway().confirm(request)
    assert answer.kind is AnswerClass.STATED


class LateSuccess(OneFan):
    """The gateway took the money, its answer was lost with its worker, and the pinned hold is over when somebody looks."""

    expected: ClassVar[Mapping[str, Any]] = {**SOLD, "points": POINTS - 30_000, "card": 2 * PRICE - 30_000}

    async def lay_scene(self, house: House) -> None:
        await fan_with_seats(house)
        notes = house.notes
        order = await notes.once("order", lambda: house.prepare(notes["fan"], notes["reservation"], 30_000))
        card = await notes.once("card", lambda: house.checkout(order))
        with suppress(PaymentPending):
            await house.pay(notes["fan"], notes["reservation"], order, card)
        request = await begun_by_one_who_stops(house, order, card)
        await house.container.gateway().confirm(request)
        await house.pass_time(AFTER_THE_PIN)

    async def walk(self, house: House) -> None:
        await house.work("sweeper", "reconciler")


class LateSuccessSeatsTaken(LateSuccess):
    """A rival has bought the same seats: the money goes back."""

    expected: ClassVar[Mapping[str, Any]] = {
        "reservations": {"EXPIRED": 1, "CONFIRMED": 1},
        "payments": {"CANCELLED": 1, "COMPLETED": 1},
        "seats": {"SOLD": 2, "AVAILABLE": 2},
        "tickets": 2,
        "points": POINTS,
        "card": 0,
        "told": ["CHARGE_RETURNED", "PAYMENT_COMPLETED"],
    }

    async def lay_scene(self, house: House) -> None:
        await super().lay_scene(house)
        performance_id = house.notes["reservation"].performance_id
        [rival] = await house.fans(performance_id, 1)
        reservation_id = await house.hold(rival, (await house.seats(performance_id))[:2])
        await house.pay(rival, reservation_id)


class _ToldByWebhook(OneFan):
    """Nobody asks for anything any more; the gateway sends its webhook until it is answered."""

    async def come_again(self, house: House) -> None:
        await house.container.use_cases().hear_webhook(house.notes["order"].order_id)

    async def walk(self, house: House) -> None:
        await self.come_again(house)
        await house.work("reconciler")


class LateCharge(_ToldByWebhook):
    """The points of the failed try are back already, and the hold still stands."""

    expected: ClassVar[Mapping[str, Any]] = {
        "reservations": {"PENDING": 1},
        "payments": {"CANCELLED": 1},
        "seats": {"HELD": 2, "AVAILABLE": 2},
        "tickets": 0,
        "points": POINTS,
        "card": 0,
        "told": ["CHARGE_RETURNED"],
    }

    async def lay_scene(self, house: House) -> None:
        await fan_with_seats(house)
        notes = house.notes
        order = await notes.once("order", lambda: house.prepare(notes["fan"], notes["reservation"], 30_000))
        card = await notes.once("card", lambda: house.checkout(order))
        with suppress(PaymentPending):
            await house.pay(notes["fan"], notes["reservation"], order, card)
        await charged_after_all(house, order, card)


class LateTopUp(_ToldByWebhook):
    """Paid is paid: credited once."""

    expected: ClassVar[Mapping[str, Any]] = {
        "reservations": {},
        "payments": {},
        "seats": {"AVAILABLE": 4},
        "tickets": 0,
        "points": POINTS + 5_000,
        "card": 5_000,
        "told": [],
        "top-ups": {"COMPLETED": 1},
    }

    async def lay_scene(self, house: House) -> None:
        notes = house.notes
        [notes["fan"]] = await house.fans(await house.open_sale(), 1)
        order = await notes.once("order", lambda: house.prepare_top_up(notes["fan"], 5_000))
        card = await notes.once("card", lambda: house.checkout(order))
        with suppress(TopUpPending):
            await house.top_up(notes["fan"], order, card)
        await charged_after_all(house, order, card)

    def end(self, books: Books, notes: Any) -> Mapping[str, Any]:
        return {**super().end(books, notes), "top-ups": books.statuses("top_ups")}
