"""What keeps one intent from taking effect twice, and two workers from the same work."""

from functools import partial

from tests.mutants.mutant import Mutant, Safeguard

EARLIER = "if earlier := work.idempotency.earlier_result(command.idempotency, command.fingerprint):"
NO_EARLIER = "if earlier := None:"

BOOKING = "tests/application/booking"
RECOVERY = "tests/application/recovery"
MESSAGING = "tests/application/messaging"
CONTRACTS = "tests/contracts"

dedupe = partial(Mutant, safeguard=Safeguard.DEDUPE)
DEDUPE = (
    dedupe(
        place="a payment's key",
        file="application/booking/pay.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(
            f"{BOOKING}/test_pay.py::test_the_same_key_gives_the_same_payment_and_changes_nothing_more",
            f"{BOOKING}/test_pay.py::test_who_has_paid_and_asks_again_gets_the_payment_whatever_token_they_show",
        ),
    ),
    dedupe(
        place="the key of a payment by card",
        file="application/booking/pay_by_card.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(f"{RECOVERY}/test_payment_saga.py::test_a_key_names_one_attempt_and_begins_no_second_one",),
    ),
    dedupe(
        place="a card's attempt is its own record",
        file="application/booking/pay_by_card.py",
        taken_out="if (attempt := work.payments.find(self.payment_id)) is not None:",
        instead="if (attempt := None) is not None:",
        noticed_by=(f"{RECOVERY}/test_payment_saga.py::test_the_attempt_is_the_record_whatever_key_asks_for_it",),
    ),
    dedupe(
        place="a hold's key",
        file="application/booking/hold_seats.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(f"{BOOKING}/test_hold_seats.py::test_the_same_key_gives_the_same_reservation_and_another_input_is_a_conflict",),
    ),
    dedupe(
        place="a cancellation's key",
        file="application/booking/cancel_reservation.py",
        taken_out="earlier = work.idempotency.earlier_result(command.idempotency, command.fingerprint)",
        instead="earlier = None",
        noticed_by=(
            f"{BOOKING}/test_cancel_reservation.py::test_the_same_key_refunds_once_and_answers_the_same",
            f"{BOOKING}/test_cancel_reservation.py::test_the_same_key_for_another_reservation_is_a_conflict",
        ),
    ),
    dedupe(
        place="a top-up's key",
        file="application/points/top_up_points.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=("tests/application/points/test_top_up.py::test_a_key_names_one_top_up_and_begins_no_second_one",),
    ),
    dedupe(
        place="a top-up's proved charge",
        file="application/recovery/top_up_saga.py",
        taken_out="if top_up.status is PaymentStatus.COMPLETED:",
        instead="if False:",
        noticed_by=("tests/application/points/test_top_up.py::test_a_proved_charge_enters_the_account_once",),
    ),
    dedupe(
        place="the key under which the gateway is asked",
        file="domain/gateway_errand.py",
        taken_out='return f"{self.id.kind.lower()}:{self.id.attempt}"',
        instead='return f"{self.id.kind.lower()}:{id(self)}"',
        noticed_by=(f"{RECOVERY}/test_run_errands.py::test_a_key_is_made_of_the_attempt_and_the_kind_and_never_changes",),
    ),
    dedupe(
        place="the key under which a message is sent",
        file="adapters/notification/alimtalk.py",
        taken_out='{"X-NC-API-IDEMPOTENCY-KEY": str(notification.id)}',
        instead="{}",
        noticed_by=("tests/adapters/notification/test_alimtalk.py::test_a_repeat_within_ten_minutes_is_known_and_sends_nothing",),
    ),
)

look_before_retry = partial(Mutant, safeguard=Safeguard.LOOK_BEFORE_RETRY)
LOOK_BEFORE_RETRY = (
    look_before_retry(
        place="a payment whose answer was lost",
        file="application/booking/pay.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(f"{BOOKING}/test_lost_answers.py::test_a_payment_is_found_and_its_points_left_once",),
    ),
    look_before_retry(
        place="a payment whose answer was lost before the circuit opened",
        file="application/booking/pay.py",
        taken_out="return await self._transactor.run(replace(transaction, issuing=False))",
        instead="raise",
        noticed_by=(f"{BOOKING}/test_ticket_issuance.py::test_an_attempt_whose_answer_was_lost_before_it_opened_is_found",),
    ),
    look_before_retry(
        place="a hold whose answer was lost",
        file="application/booking/hold_seats.py",
        taken_out=EARLIER,
        instead=NO_EARLIER,
        noticed_by=(f"{BOOKING}/test_lost_answers.py::test_a_hold_is_found_and_counts_once",),
    ),
    look_before_retry(
        place="a cancellation whose answer was lost",
        file="application/booking/cancel_reservation.py",
        taken_out="earlier = work.idempotency.earlier_result(command.idempotency, command.fingerprint)",
        instead="earlier = None",
        noticed_by=(
            f"{BOOKING}/test_lost_answers.py::test_a_hold_that_was_let_go_is_found_to_be",
            f"{BOOKING}/test_lost_answers.py::test_a_refund_is_found_and_its_points_came_back_once",
        ),
    ),
    look_before_retry(
        place="what becomes of an errand whose answer did not come",
        file="application/recovery/gateway_answers.py",
        taken_out="AnswerClass.UNKNOWN: Move.DOUBT,\n        AnswerClass.DECLINED: Move.FAIL,",
        instead="AnswerClass.UNKNOWN: Move.SEND_AGAIN,\n        AnswerClass.DECLINED: Move.FAIL,",
        noticed_by=(f"{RECOVERY}/test_run_errands.py::test_a_confirmations_answer",),
    ),
    look_before_retry(
        place="the worker that takes up an errand in doubt",
        file="application/recovery/run_errands.py",
        taken_out="if due.next_step is NextStep.LOOK_UP:",
        instead="if False:",
        noticed_by=(f"{RECOVERY}/test_run_errands.py::test_an_attempt_in_doubt_is_sent_again_under_its_key_while_it_is_young",),
    ),
    look_before_retry(
        place="the worker that looks back at an attempt that had failed, and never sends it",
        file="application/recovery/run_errands.py",
        taken_out="            await self._look_back(due)\n        elif",
        instead="            await self._look_up(due)\n        elif",
        noticed_by=(f"{RECOVERY}/test_run_errands.py::test_what_the_gateway_cannot_show_yet_gets_a_few_looks_and_is_never_sent",),
    ),
    look_before_retry(
        place="what is written of an errand before it is sent",
        file="adapters/sql/gateway_errands.py",
        taken_out='"next_step": NextStep.LOOK_UP,',
        instead='"next_step": NextStep.SEND,',
        noticed_by=(
            f"{CONTRACTS}/test_gateway_errands.py::test_one_claim_sends_once[sqlite]",
            f"{CONTRACTS}/test_gateway_errands.py::test_a_worker_that_died_after_its_send_is_followed_by_a_look_up[sqlite]",
        ),
    ),
    look_before_retry(
        place="the notifier, where its provider would not know a repeat",
        file="application/messaging/send_notifications.py",
        taken_out="looks = due.attempts > 0 and (outdated or due.attempts >= TRIES or not self._repeat_is_known(due))",
        instead="looks = False",
        noticed_by=(
            f"{MESSAGING}/test_send_notifications.py::test_a_repeat_later_than_that_looks_first",
            f"{MESSAGING}/test_send_notifications.py::test_an_sms_is_never_sent_again_without_a_look",
        ),
    ),
    look_before_retry(
        place="the grace that an attempt has to arrive in before a look decides",
        file="application/messaging/send_notifications.py",
        taken_out="return 0.0 if due.quiet is None else max(GRACE - due.quiet.total_seconds(), 0.0)",
        instead="return 0.0",
        noticed_by=(
            f"{MESSAGING}/test_send_notifications.py::test_a_refusal_beside_an_attempt_that_may_still_arrive_waits_for_a_look_past_the_grace",
        ),
    ),
)

inbox = partial(Mutant, safeguard=Safeguard.INBOX)
INBOX = (
    inbox(
        place="the look for a message that was handled",
        file="application/messaging/consume_messages.py",
        taken_out="if work.inbox.find(self.message.id) is not None:",
        instead="if False:",
        noticed_by=(
            f"{MESSAGING}/test_consume_messages.py::test_a_repeat_changes_nothing_and_is_committed",
            f"{MESSAGING}/test_consume_messages.py::test_a_commit_whose_answer_was_lost_counts_once",
        ),
    ),
    inbox(
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

skip_locked = partial(Mutant, safeguard=Safeguard.SKIP_LOCKED)
_AT_ONCE = f"{CONTRACTS}/test_claimers_at_once.py::test_the_second_takes_the_rest_while_the_first_has_not_committed"

SKIP_LOCKED = tuple(
    skip_locked(
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
