"""Who hears what: the report's BEFORE_COMMIT and AFTER_COMMIT, as one table.

Listeners before the commit are plain functions over the transaction's own work; any failure drops everything.
Those after it are hints: never the only copy of anything.
"""

from collections.abc import Mapping
from types import MappingProxyType

from application.booking.cancellation_listeners import (
    append_cancellation_message,
    append_charge_returned_message,
    cancel_reservation,
    mark_cancelling,
    refund_buyer,
    release_sold_seats,
    restore_points,
    restore_points_of_charge,
    revive_tickets,
    stand_again,
    void_tickets,
)
from application.booking.pass_hints import expire_queue_token, wake_gateway, wake_relay
from application.booking.payment_listeners import append_outbox_message, confirm_reservation, deduct_points, issue_tickets, update_buyer
from application.transactor import Listeners
from domain.events import (
    CardPaymentRequested,
    ChargeReturned,
    Event,
    PaymentCancelled,
    PaymentCompleted,
    RefundBegun,
    RefundRefused,
    TopUpRequested,
)

LISTENERS: Mapping[type[Event], Listeners] = MappingProxyType(
    {
        PaymentCompleted: Listeners(
            before_commit=(confirm_reservation, deduct_points, issue_tickets, update_buyer, append_outbox_message),
            after_commit=(expire_queue_token, wake_relay),
        ),
        CardPaymentRequested: Listeners(after_commit=(wake_gateway,)),
        TopUpRequested: Listeners(after_commit=(wake_gateway,)),
        RefundBegun: Listeners(
            before_commit=(mark_cancelling, void_tickets),
            after_commit=(wake_gateway,),
        ),
        PaymentCancelled: Listeners(
            before_commit=(cancel_reservation, release_sold_seats, restore_points, refund_buyer, append_cancellation_message),
            after_commit=(wake_relay,),
        ),
        RefundRefused: Listeners(before_commit=(stand_again, revive_tickets)),
        ChargeReturned: Listeners(
            before_commit=(restore_points_of_charge, append_charge_returned_message),
            after_commit=(wake_relay,),
        ),
    }
)
