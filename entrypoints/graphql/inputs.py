"""The inputs of mutations: checked here, so that a command is well formed before any rule is asked."""

from typing import Any

import strawberry

from application.booking.cancel_reservation import CancelReservationCommand
from application.booking.hold_seats import HoldSeatsCommand
from application.booking.pay import PayCommand
from application.booking.prepare_payment import PreparePaymentCommand
from application.points.top_up_points import TopUpCommand
from application.queueing.join_queue import JoinQueueCommand
from application.queueing.leave_queue import LeaveQueueCommand
from domain.money import Won
from domain.payment import PaymentMethod
from entrypoints.auth import Person
from entrypoints.graphql import ids
from entrypoints.graphql.problems import BadInput

LONGEST_KEY = 128
MOST_SEATS = 20
"""In one hold. Concerts set limits of their own far below."""
MOST_POINTS = 2_000_000_000
LONGEST_REFERENCE = 200
LONGEST_NAME = 100


def read_key(key: str) -> str:
    """1 to 128 visible ASCII characters, or BadInput."""
    if not 1 <= len(key) <= LONGEST_KEY or not all("!" <= character <= "~" for character in key):
        raise BadInput("idempotencyKey", f"should be 1 to {LONGEST_KEY} visible ASCII characters")
    return key


def read_name(name: str) -> str:
    """1 to 100 characters that are not all blank, or BadInput."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise BadInput("name", f"should have 1 to {LONGEST_NAME} characters")
    return name.strip()


def read_points(points: int | None) -> int | None:
    if points is not None and not 0 <= points <= MOST_POINTS:
        raise BadInput("pointsToUse", "should be 0 or more")
    return points


def read_reference(text: str, argument: str) -> str:
    if not 1 <= len(text) <= LONGEST_REFERENCE:
        raise BadInput(argument, f"should have 1 to {LONGEST_REFERENCE} characters")
    return text


@strawberry.input(description="Whose line to join, and where one stood in it before.")
class JoinQueueInput:
    concert_id: strawberry.ID = strawberry.field(description="The concert.")
    resume_token: str | None = strawberry.field(default=strawberry.UNSET, description="An earlier token, to stand where one stood.")

    def command(self, person: Person) -> JoinQueueCommand:
        concert_id = ids.read_concert(self.concert_id, "concertId")
        return JoinQueueCommand(user_id=person.user_id, concert_id=concert_id, resume_token=self.resume_token or None)


@strawberry.input(description="Which place to give up.")
class LeaveQueueInput:
    queue_token: str = strawberry.field(description="The newest token of that place.")

    def command(self, person: Person) -> LeaveQueueCommand:
        return LeaveQueueCommand(user_id=person.user_id, queue_token=self.queue_token)


@strawberry.input(description="Which seats to hold, all of them or none.")
class HoldSeatsInput:
    performance_id: strawberry.ID = strawberry.field(description="The performance.")
    seat_ids: list[strawberry.ID] = strawberry.field(description=f"Seats of that performance, 1 to {MOST_SEATS}, each once.")
    queue_token: str = strawberry.field(description="The token that was admitted.")
    idempotency_key: str = strawberry.field(description="Made by the client, one per intent: 1 to 128 visible ASCII characters.")

    def command(self, person: Person) -> HoldSeatsCommand:
        performance_id = ids.read_performance(self.performance_id, "performanceId")
        seat_ids = tuple(ids.read_seat(seat_id, "seatIds") for seat_id in self.seat_ids[: MOST_SEATS + 1])
        if not 1 <= len(seat_ids) <= MOST_SEATS or len(set(seat_ids)) != len(seat_ids):
            raise BadInput("seatIds", f"should name 1 to {MOST_SEATS} seats, each once")
        return HoldSeatsCommand(
            user_id=person.user_id,
            performance_id=performance_id,
            seat_ids=seat_ids,
            queue_token=self.queue_token,
            idempotency_key=read_key(self.idempotency_key),
            phone=person.phone,
        )


@strawberry.input(description="Which reservation to let go or to have refunded.")
class CancelReservationInput:
    reservation_id: strawberry.ID = strawberry.field(description="The reservation.")
    idempotency_key: str = strawberry.field(description="Made by the client, one per intent: 1 to 128 visible ASCII characters.")

    def command(self, person: Person) -> CancelReservationCommand:
        return CancelReservationCommand(
            user_id=person.user_id,
            reservation_id=ids.read_reservation(self.reservation_id, "reservationId"),
            idempotency_key=read_key(self.idempotency_key),
        )


@strawberry.input(description="What to pay, and how.")
class PayInput:
    reservation_id: strawberry.ID = strawberry.field(description="The reservation.")
    queue_token: str = strawberry.field(description="The pass that came with the hold.")
    idempotency_key: str = strawberry.field(description="Made by the client, one per intent: 1 to 128 visible ASCII characters.")
    method: PaymentMethod = strawberry.field(default=PaymentMethod.POINTS, description="How to pay.")
    points_to_use: int | None = strawberry.field(default=strawberry.UNSET, description="CARD: points to use beside the card; null = none.")
    order_id: str | None = strawberry.field(default=strawberry.UNSET, description="CARD: from `preparePayment`.")
    payment_key: str | None = strawberry.field(
        default=strawberry.UNSET, description="CARD: the key that the gateway's client SDK returned for that order."
    )

    def command(self, person: Person) -> PayCommand:
        read_points(self.points_to_use or None)
        return PayCommand(
            user_id=person.user_id,
            reservation_id=ids.read_reservation(self.reservation_id, "reservationId"),
            queue_token=self.queue_token,
            idempotency_key=read_key(self.idempotency_key),
            method=self.method,
            **self._card(),
        )

    def _card(self) -> dict[str, Any]:
        """A card is paid with by an order and the key that the gateway bound to it; points by neither."""
        if self.method is not PaymentMethod.CARD:
            return {}
        return {
            "order_id": read_reference(self.order_id or "", "orderId"),
            "payment_key": read_reference(self.payment_key or "", "paymentKey"),
            "points": None if self.points_to_use is None or self.points_to_use is strawberry.UNSET else Won(self.points_to_use),
        }


@strawberry.input(description="What a card shall pay.")
class PreparePaymentInput:
    reservation_id: strawberry.ID = strawberry.field(description="The reservation.")
    points_to_use: int | None = strawberry.field(default=strawberry.UNSET, description="Points to use beside the card; null = none.")
    queue_token: str = strawberry.field(description="The pass that came with the hold.")

    def command(self, person: Person) -> PreparePaymentCommand:
        return PreparePaymentCommand(
            user_id=person.user_id,
            reservation_id=ids.read_reservation(self.reservation_id, "reservationId"),
            queue_token=self.queue_token,
            points=Won(read_points(self.points_to_use or None) or 0),
        )


@strawberry.input(description="How many points to buy.")
class PrepareTopUpInput:
    amount: int = strawberry.field(description="In won, 1,000 to 1,000,000.")


@strawberry.input(description="A card payment that buys points.")
class TopUpPointsInput:
    order_id: str = strawberry.field(description="From `prepareTopUp`.")
    amount: int = strawberry.field(description="In won, 1,000 to 1,000,000.")
    payment_key: str = strawberry.field(description="The key that the gateway's client SDK returned for that order.")
    idempotency_key: str = strawberry.field(description="Made by the client, one per intent: 1 to 128 visible ASCII characters.")

    def command(self, person: Person) -> TopUpCommand:
        return TopUpCommand(
            user_id=person.user_id,
            order_id=read_reference(self.order_id, "orderId"),
            amount=self.amount,
            payment_key=read_reference(self.payment_key, "paymentKey"),
            idempotency_key=read_key(self.idempotency_key),
        )
