"""The messages a booking tells the world: all the facts a reader needs, nothing personal."""

import json

from application.work import Work
from domain.events import ChargeReturned, PaymentCancelled, PaymentCompleted
from domain.ids import MessageId, derived_id
from domain.message import OutboxMessage
from domain.reservation import Reservation

AGGREGATE = "reservation"
VERSION = 1


def booking_message(
    message_type: str, event: PaymentCompleted | PaymentCancelled | ChargeReturned, reservation: Reservation, work: Work
) -> OutboxMessage:
    """Keyed by the reservation and numbered under its lock, so that readers see its messages in order."""
    payment = event.payment
    performance = work.performances.on_offer(reservation.id.performance_id)
    facts = {
        "reservationId": str(reservation.id.reservation),
        "performanceId": str(reservation.id.performance),
        "concertId": str(reservation.id.concert_id),
        "paymentId": str(payment.id.payment),
        "userId": str(payment.user_id),
        "amount": payment.amount,
        "title": performance.title,
        "venue": performance.venue,
        "startsAt": performance.starts_at.isoformat(),
        "seats": [
            {"section": seat.section, "row": seat.row, "number": seat.number, "grade": seat.grade} for seat in work.seats_of(reservation)
        ],
    }
    return OutboxMessage(
        id=MessageId(derived_id(payment.id.payment, message_type)),
        shard_key=reservation.id.concert_id,
        aggregate_type=AGGREGATE,
        key=reservation.id.reservation,
        type=message_type,
        version=VERSION,
        sequence=reservation.sequence,
        occurred_at=event.at,
        payload=json.dumps(facts, ensure_ascii=False),
    )
