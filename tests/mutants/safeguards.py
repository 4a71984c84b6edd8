"""Every safeguard, every place where it stands, and the tests that are for it."""

from tests.mutants.repeats import DEDUPE, INBOX, LOOK_BEFORE_RETRY, SKIP_LOCKED
from tests.mutants.seats_and_money import COMPENSATION, SEAT_CHECK, TAKE_OVER

MUTANTS = (*DEDUPE, *LOOK_BEFORE_RETRY, *INBOX, *SKIP_LOCKED, *COMPENSATION, *SEAT_CHECK, *TAKE_OVER)
