"""What keeps a seat from being sold twice, and gives back what was taken for nothing."""

from functools import partial

from tests.mutants.mutant import Mutant, Safeguard

BOOKING = "tests/application/booking"
SAGA = "tests/application/recovery/test_payment_saga.py"

compensation = partial(Mutant, safeguard=Safeguard.COMPENSATION)
COMPENSATION = (
    compensation(
        place="a charge for seats that cannot be had",
        file="application/recovery/payment_saga.py",
        taken_out="if not self._can_be_confirmed(payment, reservation, work):",
        instead="if False:",
        noticed_by=(
            f"{SAGA}::test_a_late_success_whose_seats_are_anothers_is_given_back",
            f"{SAGA}::test_a_charge_for_a_cancelled_performance_is_given_back",
        ),
    ),
    compensation(
        place="the errand that gives it back",
        file="application/booking/card_payments.py",
        taken_out="unpin_hold(reservation, payment, work)\n    work.errands.save(cancel_errand(payment, work))",
        instead="unpin_hold(reservation, payment, work)",
        noticed_by=(f"{SAGA}::test_a_late_success_whose_seats_are_anothers_is_given_back",),
    ),
    compensation(
        place="a charge proved after its attempt was given up",
        file="application/recovery/payment_saga.py",
        taken_out="if payment.status is PaymentStatus.FAILED:",
        instead="if False:",
        noticed_by=(f"{SAGA}::test_a_charge_proved_after_the_attempt_was_given_up_goes_back_and_its_points_only_once",),
    ),
    compensation(
        place="a charge that cannot be written",
        file="application/recovery/settle_errand.py",
        taken_out="await self._run(ReturnCharge(payment=payment, reservation=reservation))",
        instead="raise",
        noticed_by=("tests/application/recovery/test_charge_that_cannot_be_completed.py::test_once_its_hold_is_over_it_goes_back",),
    ),
    compensation(
        place="the points taken before a declined card",
        file="application/recovery/payment_saga.py",
        taken_out="        restore_taken_points(payment, work)\n",
        instead="",
        noticed_by=(f"{SAGA}::test_a_declined_card_gives_points_and_hold_back_for_another_try",),
    ),
    compensation(
        place="the points of a charge that was given back",
        file="application/event_listeners.py",
        taken_out="(restore_points_of_charge, append_charge_returned_message)",
        instead="(append_charge_returned_message,)",
        noticed_by=(f"{SAGA}::test_a_late_success_whose_seats_are_anothers_is_given_back",),
    ),
    compensation(
        place="which come back once only",
        file="application/booking/card_payments.py",
        taken_out=" and payment.decline_code is None:",
        instead=":",
        noticed_by=(f"{SAGA}::test_a_charge_proved_after_the_attempt_was_given_up_goes_back_and_its_points_only_once",),
    ),
    compensation(
        place="the points of a refunded reservation",
        file="application/event_listeners.py",
        taken_out="release_sold_seats, restore_points, refund_buyer",
        instead="release_sold_seats, refund_buyer",
        noticed_by=(
            f"{BOOKING}/test_cancel_reservation.py::test_a_paid_reservation_is_refunded_in_full",
            f"{SAGA}::test_a_proved_refund_frees_the_seats_and_restores_the_points",
        ),
    ),
)

seat_check = partial(Mutant, safeguard=Safeguard.SEAT_CHECK)
SEAT_CHECK = (
    seat_check(
        place="a seat is sold to its holder only",
        file="domain/seat.py",
        taken_out="or self.reservation_id != reservation_id:\n            raise ReservationExpired",
        instead="or False:\n            raise ReservationExpired",
        noticed_by=(
            "tests/domain/test_seat.py::test_a_seat_is_sold_to_its_holder_only",
            f"{BOOKING}/test_pay.py::test_a_seat_that_another_reservation_holds_by_now_is_not_sold",
        ),
    ),
    seat_check(
        place="the seats of a payment are asked for its reservation",
        file="application/booking/payment_listeners.py",
        taken_out="seat.confirm(reservation.id)",
        instead="seat.confirm(seat.reservation_id)",
        noticed_by=(f"{BOOKING}/test_pay.py::test_a_seat_that_another_reservation_holds_by_now_is_not_sold",),
    ),
    seat_check(
        place="a late success takes free seats only",
        file="domain/seat.py",
        taken_out="if self.status is not SeatStatus.AVAILABLE:",
        instead="if False:",
        noticed_by=(
            "tests/domain/test_seat.py::test_a_held_seat_is_not_held_again_even_if_its_hold_has_run_out",
            f"{SAGA}::test_a_late_success_whose_seats_are_anothers_is_given_back",
        ),
    ),
)

take_over = partial(Mutant, safeguard=Safeguard.TAKE_OVER)
TAKE_OVER = (
    take_over(
        place="the reservation whose seats are taken over",
        file="application/booking/hold_seats.py",
        taken_out="release_hold(old.expire(work.now), work)",
        instead="release_hold(old, work)",
        noticed_by=(
            f"{BOOKING}/test_hold_seats.py::test_a_seat_whose_hold_has_run_out_is_taken_over_and_its_first_owner_loses_hold_and_count",
        ),
    ),
    take_over(
        place="whether it is overdue still",
        file="application/booking/hold_seats.py",
        taken_out="if old.is_overdue(work.now):",
        instead="if True:",
        noticed_by=(f"{BOOKING}/test_hold_seats.py::test_who_was_overdue_when_found_but_has_paid_since_keeps_the_seat",),
    ),
    take_over(
        place="a reservation expires only when it has run out",
        file="domain/reservation.py",
        taken_out='        if not self.is_overdue(now):\n            raise Stale("the hold has not run out")\n',
        instead="",
        noticed_by=(
            "tests/domain/test_reservation.py::test_a_hold_expires_when_it_has_run_out_and_only_once",
            "tests/domain/test_reservation.py::test_a_paid_reservation_never_expires",
        ),
    ),
)
