"""Each saga as a fan and the roles walk it: a scene that nobody disturbs, a walk that may die anywhere, and its one end.

A walk is what the fan does until there is an answer, with the same keys; walking it again changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Protocol

from domain.errors import PaymentDeclined, PaymentPending, RefundPending, ReservationAlreadyPaid, TopUpPending
from tests.chaos.books import Books
from tests.chaos.house import PRICE, Fan, House

POINTS = 1_000_000
MONEY_BACK = ("PAYMENT_CANCELLED", "CHARGE_RETURNED")


class Saga(Protocol):
    expected: ClassVar[Mapping[str, Any]]

    async def lay_scene(self, house: House) -> None: ...

    async def walk(self, house: House) -> None: ...

    async def come_again(self, house: House) -> None:
        """What others than the fan repeat until we have answered."""
        ...

    def end(self, books: Books, notes: Any) -> Mapping[str, Any]:
        """What came of it, to be compared with ``expected``."""
        ...


async def fan_with_seats(house: House, count: int = 2) -> None:
    performance_id = await house.open_sale()
    [fan] = await house.fans(performance_id, 1)
    house.notes["fan"] = fan
    house.notes["reservation"] = await house.hold(fan, (await house.seats(performance_id))[:count])


async def paid_by_card(house: House, points: int = 0) -> None:
    notes = house.notes
    order = await notes.once("order", lambda: house.prepare(notes["fan"], notes["reservation"], points))
    card = await notes.once("card", lambda: house.checkout(order))
    with suppress(PaymentPending):
        await house.pay(notes["fan"], notes["reservation"], order, card)
    await house.work("reconciler")
    notes.same("payment", await house.pay(notes["fan"], notes["reservation"], order, card))


def told(books: Books) -> list[str]:
    return sorted(row.template for row in books.rows["notifications"])


def summary(books: Books, fan: Fan) -> dict[str, Any]:
    return {
        "reservations": books.statuses("reservations"),
        "payments": books.statuses("payments"),
        "seats": books.statuses("seats"),
        "tickets": books.live_tickets(),
        "points": books.balance(fan.user_id),
        "card": books.standing(),
        "told": told(books),
    }


SOLD: Mapping[str, Any] = {
    "reservations": {"CONFIRMED": 1},
    "payments": {"COMPLETED": 1},
    "seats": {"SOLD": 2, "AVAILABLE": 2},
    "tickets": 2,
    "told": ["PAYMENT_COMPLETED"],
}
GIVEN_BACK: Mapping[str, Any] = {
    "reservations": {"CANCELLED": 1},
    "payments": {"CANCELLED": 1},
    "seats": {"AVAILABLE": 4},
    "tickets": 0,
    "points": POINTS,
    "card": 0,
    "told": ["PAYMENT_CANCELLED", "PAYMENT_COMPLETED"],
}


class OneFan:
    expected: ClassVar[Mapping[str, Any]]

    async def lay_scene(self, house: House) -> None:
        await fan_with_seats(house)

    async def come_again(self, house: House) -> None: ...

    def end(self, books: Books, notes: Any) -> Mapping[str, Any]:
        return summary(books, notes["fan"])


class PointsPayment(OneFan):
    expected: ClassVar[Mapping[str, Any]] = {**SOLD, "points": POINTS - 2 * PRICE, "card": 0}

    async def walk(self, house: House) -> None:
        notes = house.notes
        notes.same("payment", await house.pay(notes["fan"], notes["reservation"]))


class CardPayment(OneFan):
    expected: ClassVar[Mapping[str, Any]] = {**SOLD, "points": POINTS, "card": 2 * PRICE}

    async def walk(self, house: House) -> None:
        await paid_by_card(house)


class MixedPayment(OneFan):
    expected: ClassVar[Mapping[str, Any]] = {**SOLD, "points": POINTS - 30_000, "card": 2 * PRICE - 30_000}

    async def walk(self, house: House) -> None:
        await paid_by_card(house, points=30_000)


class DeclinedCard(OneFan):
    """The points of the first try are back, and the hold still stands."""

    expected: ClassVar[Mapping[str, Any]] = {
        "reservations": {"PENDING": 1},
        "payments": {"FAILED": 1},
        "seats": {"HELD": 2, "AVAILABLE": 2},
        "tickets": 0,
        "points": POINTS,
        "card": 0,
        "told": [],
    }

    async def walk(self, house: House) -> None:
        notes = house.notes
        order = await notes.once("order", lambda: house.prepare(notes["fan"], notes["reservation"], 30_000))
        card = await notes.once("card", lambda: house.checkout(order, decline="REJECT_CARD_PAYMENT"))
        for _ in range(2):
            try:
                await house.pay(notes["fan"], notes["reservation"], order, card)
            except PaymentPending:
                await house.work("reconciler")
            except PaymentDeclined as declined:
                notes.same("declined", declined.decline_code)
        assert notes["declined"] == "REJECT_CARD_PAYMENT"


class CardRefund(OneFan):
    expected: ClassVar[Mapping[str, Any]] = GIVEN_BACK

    async def lay_scene(self, house: House) -> None:
        await fan_with_seats(house)
        await paid_by_card(house, points=30_000)

    async def walk(self, house: House) -> None:
        notes = house.notes
        with suppress(RefundPending):
            await house.cancel(notes["fan"], notes["reservation"])
        await house.work("reconciler")
        notes.same("refund", await house.cancel(notes["fan"], notes["reservation"]))


class PointsRefund(OneFan):
    expected: ClassVar[Mapping[str, Any]] = GIVEN_BACK

    async def lay_scene(self, house: House) -> None:
        await fan_with_seats(house)
        await house.pay(house.notes["fan"], house.notes["reservation"])

    async def walk(self, house: House) -> None:
        house.notes.same("refund", await house.cancel(house.notes["fan"], house.notes["reservation"]))


class TopUp(OneFan):
    expected: ClassVar[Mapping[str, Any]] = {
        "reservations": {},
        "payments": {},
        "seats": {"AVAILABLE": 4},
        "tickets": 0,
        "points": POINTS + 5_000,
        "card": 5_000,
        "told": [],
    }

    async def lay_scene(self, house: House) -> None:
        [house.notes["fan"]] = await house.fans(await house.open_sale(), 1)

    async def walk(self, house: House) -> None:
        notes = house.notes
        order = await notes.once("order", lambda: house.prepare_top_up(notes["fan"], 5_000))
        card = await notes.once("card", lambda: house.checkout(order))
        with suppress(TopUpPending):
            await house.top_up(notes["fan"], order, card)
        await house.work("reconciler")
        notes.same("top-up", await house.top_up(notes["fan"], order, card))


class CancelledPerformance(OneFan):
    """One holds, one has paid in points, one by card, and one's card was charged without anybody knowing yet."""

    expected: ClassVar[Mapping[str, Any]] = {
        "reservations": {"CANCELLED": 4},
        "payments": {"CANCELLED": 3},
        "seats": {"AVAILABLE": 4},
        "tickets": 0,
        "points": POINTS,
        "balances": [POINTS] * 4,
        "card": 0,
        "told": [1, 1, 1],
    }

    async def lay_scene(self, house: House) -> None:
        performance_id = await house.open_sale()
        fans, seats = await house.fans(performance_id, 4), await house.seats(performance_id)
        held = [await house.hold(fan, [seat]) for fan, seat in zip(fans, seats, strict=True)]
        house.notes["performance"] = performance_id
        house.notes["fan"] = fans[1]
        await house.pay(fans[1], held[1])
        for fan, reservation_id in list(zip(fans, held, strict=True))[2:]:
            order = await house.prepare(fan, reservation_id, 10_000)
            card = await house.checkout(order)
            with suppress(PaymentPending):
                await house.pay(fan, reservation_id, order, card)
            if fan == fans[2]:
                await house.work("reconciler")
        await house.work("relay", "consumer", "notifier")

    async def walk(self, house: House) -> None:
        await house.container.use_cases().cancel_performance(house.notes["performance"])
        await house.work("refunds", "reconciler")

    def end(self, books: Books, notes: Any) -> Mapping[str, Any]:
        """Each of the three who had paid is told once that their money is back, whether or not they knew that it was gone."""
        balances = sorted(row.balance for row in books.rows["point_accounts"])
        told = Counter(row.recipient for row in books.rows["notifications"] if row.template in MONEY_BACK)
        return {**super().end(books, notes), "balances": balances, "told": sorted(told.values())}


class NotificationChain(OneFan):
    expected: ClassVar[Mapping[str, Any]] = {**SOLD, "points": POINTS - 2 * PRICE, "card": 0}

    async def lay_scene(self, house: House) -> None:
        await fan_with_seats(house)
        await house.pay(house.notes["fan"], house.notes["reservation"])

    async def walk(self, house: House) -> None:
        await house.work("relay", "consumer", "notifier")
        with suppress(ReservationAlreadyPaid):
            await house.pay(house.notes["fan"], house.notes["reservation"], key="another key")
