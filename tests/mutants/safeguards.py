"""Every safeguard, every place where it stands, and the tests that are for it."""

from tests.mutants.mutant import Mutant, Safeguard

EARLIER = "if earlier := work.idempotency.earlier_result(command.idempotency, command.fingerprint):"
NO_EARLIER = "if earlier := None:"

BOOKING = "tests/application/booking"
RECOVERY = "tests/application/recovery"
MESSAGING = "tests/application/messaging"
CONTRACTS = "tests/contracts"

DEDUPE = (
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="a payment's key",
        file="application/booking/pay.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(
            f"{BOOKING}/test_pay.py::test_the_same_key_gives_the_same_payment_and_changes_nothing_more",
            f"{BOOKING}/test_pay.py::test_who_has_paid_and_asks_again_gets_the_payment_whatever_token_they_show",
        ),
    ),
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="the key of a payment by card",
        file="application/booking/pay_by_card.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(f"{RECOVERY}/test_payment_saga.py::test_a_key_names_one_attempt_and_begins_no_second_one",),
    ),
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="a card's attempt is its own record",
        file="application/booking/pay_by_card.py",
        taken_out="if (attempt := work.payments.find(self.payment_id)) is not None:",
        instead="if (attempt := None) is not None:",
        noticed_by=(f"{RECOVERY}/test_payment_saga.py::test_the_attempt_is_the_record_whatever_key_asks_for_it",),
    ),
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="a hold's key",
        file="application/booking/hold_seats.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(f"{BOOKING}/test_hold_seats.py::test_the_same_key_gives_the_same_reservation_and_another_input_is_a_conflict",),
    ),
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="a cancellation's key",
        file="application/booking/cancel_reservation.py",
        taken_out="earlier = work.idempotency.earlier_result(command.idempotency, command.fingerprint)",
        instead="earlier = None",
        noticed_by=(
            f"{BOOKING}/test_cancel_reservation.py::test_the_same_key_refunds_once_and_answers_the_same",
            f"{BOOKING}/test_cancel_reservation.py::test_the_same_key_for_another_reservation_is_a_conflict",
        ),
    ),
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="a top-up's key",
        file="application/points/top_up_points.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=("tests/application/points/test_top_up.py::test_a_key_names_one_top_up_and_begins_no_second_one",),
    ),
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="a top-up's proved charge",
        file="application/recovery/top_up_saga.py",
        taken_out="if top_up.status is PaymentStatus.COMPLETED:",
        instead="if False:",
        noticed_by=("tests/application/points/test_top_up.py::test_a_proved_charge_enters_the_account_once",),
    ),
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="the key under which the gateway is asked",
        file="domain/gateway_errand.py",
        taken_out='return f"{self.id.kind.lower()}:{self.id.attempt}"',
        instead='return f"{self.id.kind.lower()}:{id(self)}"',
        noticed_by=(f"{RECOVERY}/test_run_errands.py::test_a_key_is_made_of_the_attempt_and_the_kind_and_never_changes",),
    ),
    Mutant(
        safeguard=Safeguard.DEDUPE,
        place="the key under which a message is sent",
        file="adapters/notification/alimtalk.py",
        taken_out='{"X-NC-API-IDEMPOTENCY-KEY": str(notification.id)}',
        instead="{}",
        noticed_by=("tests/adapters/notification/test_alimtalk.py::test_a_repeat_within_ten_minutes_is_known_and_sends_nothing",),
    ),
)

LOOK_BEFORE_RETRY = (
    Mutant(
        safeguard=Safeguard.LOOK_BEFORE_RETRY,
        place="a payment whose answer was lost",
        file="application/booking/pay.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(f"{BOOKING}/test_lost_answers.py::test_a_payment_is_found_and_its_points_left_once",),
    ),
    Mutant(
        safeguard=Safeguard.LOOK_BEFORE_RETRY,
        place="a payment whose answer was lost before the circuit opened",
        file="application/booking/pay.py",
        taken_out="return await self._retrying(Step.PAYMENT, lambda: self._transactor.run(earlier))",
        instead="raise",
        noticed_by=(f"{BOOKING}/test_ticket_issuance.py::test_an_attempt_whose_answer_was_lost_before_it_opened_is_found",),
    ),
    Mutant(
        safeguard=Safeguard.LOOK_BEFORE_RETRY,
        place="a hold whose answer was lost",
        file="application/booking/hold_seats.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(f"{BOOKING}/test_lost_answers.py::test_a_hold_is_found_and_counts_once",),
    ),
    Mutant(
        safeguard=Safeguard.LOOK_BEFORE_RETRY,
        place="a cancellation whose answer was lost",
        file="application/booking/cancel_reservation.py",
        taken_out="earlier = work.idempotency.earlier_result(command.idempotency, command.fingerprint)",
        instead="earlier = None",
        noticed_by=(
            f"{BOOKING}/test_lost_answers.py::test_a_hold_that_was_let_go_is_found_to_be",
            f"{BOOKING}/test_lost_answers.py::test_a_refund_is_found_and_its_points_came_back_once",
        ),
    ),
    Mutant(
        safeguard=Safeguard.LOOK_BEFORE_RETRY,
        place="what becomes of an errand whose answer did not come",
        file="application/recovery/gateway_answers.py",
        taken_out="AnswerClass.UNKNOWN: Move.DOUBT,\n        AnswerClass.DECLINED: Move.FAIL,",
        instead="AnswerClass.UNKNOWN: Move.SEND_AGAIN,\n        AnswerClass.DECLINED: Move.FAIL,",
        noticed_by=(f"{RECOVERY}/test_run_errands.py::test_a_confirmations_answer",),
    ),
    Mutant(
        safeguard=Safeguard.LOOK_BEFORE_RETRY,
        place="the worker that takes up an errand in doubt",
        file="application/recovery/run_errands.py",
        taken_out="if due.next_step is NextStep.LOOK_UP:",
        instead="if False:",
        noticed_by=(f"{RECOVERY}/test_run_errands.py::test_an_attempt_in_doubt_is_sent_again_under_its_key_while_it_is_young",),
    ),
    Mutant(
        safeguard=Safeguard.LOOK_BEFORE_RETRY,
        place="what is written of an errand before it is sent",
        file="adapters/sql/gateway_errands.py",
        taken_out='"next_step": NextStep.LOOK_UP,',
        instead='"next_step": NextStep.SEND,',
        noticed_by=(
            f"{CONTRACTS}/test_gateway_errands.py::test_one_claim_sends_once[sqlite]",
            f"{CONTRACTS}/test_gateway_errands.py::test_a_worker_that_died_after_its_send_is_followed_by_a_look_up[sqlite]",
        ),
    ),
    Mutant(
        safeguard=Safeguard.LOOK_BEFORE_RETRY,
        place="the notifier, where its provider would not know a repeat",
        file="application/messaging/send_notifications.py",
        taken_out="looks = due.attempts > 0 and (outdated or due.attempts >= TRIES or not self._repeat_is_known(due))",
        instead="looks = False",
        noticed_by=(
            f"{MESSAGING}/test_send_notifications.py::test_a_repeat_later_than_that_looks_first",
            f"{MESSAGING}/test_send_notifications.py::test_an_sms_is_never_sent_again_without_a_look",
        ),
    ),
)

COMPENSATION = (
    Mutant(
        safeguard=Safeguard.COMPENSATION,
        place="a charge for seats that cannot be had",
        file="application/recovery/payment_saga.py",
        taken_out="if not self._can_be_confirmed(payment, reservation, work):",
        instead="if False:",
        noticed_by=(
            f"{RECOVERY}/test_payment_saga.py::test_a_late_success_whose_seats_are_anothers_is_given_back",
            f"{RECOVERY}/test_payment_saga.py::test_a_charge_for_a_cancelled_performance_is_given_back",
        ),
    ),
    Mutant(
        safeguard=Safeguard.COMPENSATION,
        place="the errand that gives it back",
        file="application/booking/card_payments.py",
        taken_out="unpin_hold(reservation, payment, work)\n    work.errands.save(cancel_errand(payment, work))",
        instead="unpin_hold(reservation, payment, work)",
        noticed_by=(f"{RECOVERY}/test_payment_saga.py::test_a_late_success_whose_seats_are_anothers_is_given_back",),
    ),
    Mutant(
        safeguard=Safeguard.COMPENSATION,
        place="a charge proved after its attempt was given up",
        file="application/recovery/payment_saga.py",
        taken_out="if payment.status is PaymentStatus.FAILED:",
        instead="if False:",
        noticed_by=(
            f"{RECOVERY}/test_payment_saga.py::test_a_charge_proved_after_the_attempt_was_given_up_goes_back_and_its_points_only_once",
        ),
    ),
    Mutant(
        safeguard=Safeguard.COMPENSATION,
        place="a charge that cannot be written",
        file="application/recovery/settle_errand.py",
        taken_out="await self._run(ReturnCharge(payment=payment, reservation=reservation))",
        instead="raise",
        noticed_by=(f"{RECOVERY}/test_charge_that_cannot_be_completed.py::test_once_its_hold_is_over_it_goes_back",),
    ),
    Mutant(
        safeguard=Safeguard.COMPENSATION,
        place="the points taken before a declined card",
        file="application/recovery/payment_saga.py",
        taken_out="        restore_taken_points(payment, work)\n",
        instead="",
        noticed_by=(f"{RECOVERY}/test_payment_saga.py::test_a_declined_card_gives_points_and_hold_back_for_another_try",),
    ),
    Mutant(
        safeguard=Safeguard.COMPENSATION,
        place="the points of a charge that was given back",
        file="application/event_listeners.py",
        taken_out="(restore_points_of_charge, append_charge_returned_message)",
        instead="(append_charge_returned_message,)",
        noticed_by=(f"{RECOVERY}/test_payment_saga.py::test_a_late_success_whose_seats_are_anothers_is_given_back",),
    ),
    Mutant(
        safeguard=Safeguard.COMPENSATION,
        place="which come back once only",
        file="application/booking/card_payments.py",
        taken_out=" and payment.decline_code is None:",
        instead=":",
        noticed_by=(
            f"{RECOVERY}/test_payment_saga.py::test_a_charge_proved_after_the_attempt_was_given_up_goes_back_and_its_points_only_once",
        ),
    ),
    Mutant(
        safeguard=Safeguard.COMPENSATION,
        place="the points of a refunded reservation",
        file="application/event_listeners.py",
        taken_out="release_sold_seats, restore_points, refund_buyer",
        instead="release_sold_seats, refund_buyer",
        noticed_by=(
            f"{BOOKING}/test_cancel_reservation.py::test_a_paid_reservation_is_refunded_in_full",
            f"{RECOVERY}/test_payment_saga.py::test_a_proved_refund_frees_the_seats_and_restores_the_points",
        ),
    ),
)

INBOX = (
    Mutant(
        safeguard=Safeguard.INBOX,
        place="the look for a message that was handled",
        file="application/messaging/consume_messages.py",
        taken_out="if work.inbox.find(self.message.id) is not None:",
        instead="if False:",
        noticed_by=(
            f"{MESSAGING}/test_consume_messages.py::test_a_repeat_changes_nothing_and_is_committed",
            f"{MESSAGING}/test_consume_messages.py::test_a_commit_whose_answer_was_lost_counts_once",
        ),
    ),
    Mutant(
        safeguard=Safeguard.INBOX,
        place="its entry, in the transaction of its effect",
        file="application/messaging/consume_messages.py",
        taken_out="        work.inbox.add(self.message.id)\n",
        instead="",
        noticed_by=(
            f"{MESSAGING}/test_consume_messages.py::test_a_message_is_entered_in_the_inbox_with_its_notification_and_then_committed",
            f"{MESSAGING}/test_consume_messages.py::test_a_repeat_changes_nothing_and_is_committed",
        ),
    ),
)

_AT_ONCE = f"{CONTRACTS}/test_claimers_at_once.py::test_the_second_takes_the_rest_while_the_first_has_not_committed"

SKIP_LOCKED = tuple(
    Mutant(
        safeguard=Safeguard.SKIP_LOCKED,
        place=place,
        file=f"adapters/sql/{file}.py",
        taken_out="with_for_update(skip_locked=True)",
        instead="with_for_update()",
        noticed_by=(f"{_AT_ONCE}[{kind}]",),
    )
    for place, file, kind in (
        ("relays that claim messages", "outbox", "Messages"),
        ("notifiers that claim notifications", "leased_notifications", "Notifications"),
        ("workers that claim errands", "gateway_errands", "Errands"),
    )
)

SEAT_CHECK = (
    Mutant(
        safeguard=Safeguard.SEAT_CHECK,
        place="a seat is sold to its holder only",
        file="domain/seat.py",
        taken_out="or self.reservation_id != reservation_id:\n            raise ReservationExpired",
        instead="or False:\n            raise ReservationExpired",
        noticed_by=(
            "tests/domain/test_seat.py::test_a_seat_is_sold_to_its_holder_only",
            f"{BOOKING}/test_pay.py::test_a_seat_that_another_reservation_holds_by_now_is_not_sold",
        ),
    ),
    Mutant(
        safeguard=Safeguard.SEAT_CHECK,
        place="the seats of a payment are asked for its reservation",
        file="application/booking/payment_listeners.py",
        taken_out="seat.confirm(reservation.id)",
        instead="seat.confirm(seat.reservation_id)",
        noticed_by=(f"{BOOKING}/test_pay.py::test_a_seat_that_another_reservation_holds_by_now_is_not_sold",),
    ),
    Mutant(
        safeguard=Safeguard.SEAT_CHECK,
        place="a late success takes free seats only",
        file="domain/seat.py",
        taken_out="if self.status is not SeatStatus.AVAILABLE:",
        instead="if False:",
        noticed_by=(
            "tests/domain/test_seat.py::test_a_held_seat_is_not_held_again_even_if_its_hold_has_run_out",
            f"{RECOVERY}/test_payment_saga.py::test_a_late_success_whose_seats_are_anothers_is_given_back",
        ),
    ),
)

TAKE_OVER = (
    Mutant(
        safeguard=Safeguard.TAKE_OVER,
        place="the reservation whose seats are taken over",
        file="application/booking/hold_seats.py",
        taken_out="release_hold(old.expire(work.now), work)",
        instead="release_hold(old, work)",
        noticed_by=(
            f"{BOOKING}/test_hold_seats.py::test_a_seat_whose_hold_has_run_out_is_taken_over_and_its_first_owner_loses_hold_and_count",
        ),
    ),
    Mutant(
        safeguard=Safeguard.TAKE_OVER,
        place="whether it is overdue still",
        file="application/booking/hold_seats.py",
        taken_out="if old.is_overdue(work.now):",
        instead="if True:",
        noticed_by=(f"{BOOKING}/test_hold_seats.py::test_who_was_overdue_when_found_but_has_paid_since_keeps_the_seat",),
    ),
    Mutant(
        safeguard=Safeguard.TAKE_OVER,
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

MUTANTS = (*DEDUPE, *LOOK_BEFORE_RETRY, *COMPENSATION, *INBOX, *SKIP_LOCKED, *SEAT_CHECK, *TAKE_OVER)
