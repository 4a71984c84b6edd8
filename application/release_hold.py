"""The end of a hold without a sale."""

from application.work import Work
from domain.reservation import Reservation


def release_hold(ended: Reservation, work: Work) -> None:
    """The reservation's end is written, its seats are free, and they no longer count against their buyer."""
    work.reservations.change(ended)
    for seat in work.seats_of(ended):
        work.seats.change(seat.release(ended.id))
    buyer = work.buyers.of(ended.buyer_id)
    work.buyers.save(buyer.release(ended.id, len(ended.seat_ids)))
