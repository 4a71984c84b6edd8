"""Waiting a little for the end of a payment that the gateway decides on."""

from application.patience import Patience
from application.ports.bookings import BookingView
from domain.errors import PaymentDeclined, PaymentPending, ServiceUnavailable
from domain.ids import PaymentId
from domain.payment import Payment, PaymentStatus

RETRY_AFTER_SECONDS = 3


class PaymentEnd:
    def __init__(self, bookings: BookingView, patience: Patience) -> None:
        self._bookings = bookings
        self._patience = patience

    async def of(self, payment_id: PaymentId) -> Payment:
        """The payment, once it stands or was taken back. Raises PaymentDeclined; PaymentPending when it takes too long.

        PaymentPending only where the row has been read; else ServiceUnavailable. A charge that was returned because its
        hold was gone ends as PaymentDeclined.
        """
        payment = await self._wait(payment_id)
        if payment is None:
            raise ServiceUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS)
        if payment.status is PaymentStatus.FAILED:
            raise PaymentDeclined(payment.decline_code or "UNKNOWN")
        if payment.paid_at is None and payment.status is PaymentStatus.CANCELLED:
            raise PaymentDeclined("RETURNED")
        if payment.paid_at is None:
            raise PaymentPending(payment.id, retry_after_seconds=RETRY_AFTER_SECONDS)
        return payment

    async def of_refund(self, payment_id: PaymentId) -> Payment | None:
        """The payment, once its refund has ended one way or the other; None when that takes too long."""
        payment = await self._wait(payment_id)
        return payment if payment is not None and payment.status.is_final else None

    async def _wait(self, payment_id: PaymentId) -> Payment | None:
        async def look() -> Payment | None:
            return (await self._bookings.payments_by_id([payment_id]))[0]

        return await self._patience.until(lambda payment: payment.status.is_final, look)
