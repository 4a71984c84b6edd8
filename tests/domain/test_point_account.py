from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.errors import InsufficientPoints, InvalidAmount
from domain.ids import UserId
from domain.money import MAXIMUM_BALANCE, Won
from domain.point_account import LedgerKind, PointAccount

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FAN = UserId(UUID(int=5))
SOURCE = UUID(int=7)


def test_what_is_deducted_leaves_the_balance_and_enters_the_ledger() -> None:
    account, entry = PointAccount(user_id=FAN, balance=Won(1_000), sequence=3).deduct(Won(400), SOURCE, NOW)
    assert (account.balance, account.sequence) == (600, 4)
    assert (entry.kind, entry.amount, entry.balance_after, entry.sequence, entry.source) == (LedgerKind.DEDUCT, -400, 600, 4, SOURCE)


def test_more_than_there_is_is_refused_with_both_figures() -> None:
    with pytest.raises(InsufficientPoints) as refused:
        PointAccount(user_id=FAN, balance=Won(10)).deduct(Won(50), SOURCE, NOW)
    assert (refused.value.balance, refused.value.required) == (10, 50)


def test_the_last_won_can_be_spent() -> None:
    account, _ = PointAccount(user_id=FAN, balance=Won(50)).deduct(Won(50), SOURCE, NOW)
    assert account.balance == 0


def test_the_balance_is_the_sum_of_the_ledger() -> None:
    account, top_up = PointAccount(user_id=FAN).top_up(Won(1_000), UUID(int=1), NOW)
    account, deduct = account.deduct(Won(300), SOURCE, NOW)
    account, restore = account.restore(Won(300), SOURCE, NOW)
    assert account.balance == top_up.amount + deduct.amount + restore.amount == 1_000


def test_entries_of_one_payment_have_an_id_for_each_kind_and_the_same_one_at_each_repeat() -> None:
    account = PointAccount(user_id=FAN, balance=Won(500))
    assert account.deduct(Won(1), SOURCE, NOW)[1].id == account.deduct(Won(1), SOURCE, NOW)[1].id
    assert account.deduct(Won(1), SOURCE, NOW)[1].id != account.restore(Won(1), SOURCE, NOW)[1].id


@pytest.mark.parametrize("amount", [0, -1, MAXIMUM_BALANCE])
def test_a_top_up_is_positive_and_fits_under_the_cap(amount: int) -> None:
    with pytest.raises(InvalidAmount) as refused:
        PointAccount(user_id=FAN, balance=Won(1)).top_up(Won(amount), SOURCE, NOW)
    assert (refused.value.minimum, refused.value.maximum) == (1, MAXIMUM_BALANCE - 1)


def test_a_restore_is_never_refused() -> None:
    account, _ = PointAccount(user_id=FAN, balance=MAXIMUM_BALANCE).restore(Won(5), SOURCE, NOW)
    assert account.balance == MAXIMUM_BALANCE + 5
