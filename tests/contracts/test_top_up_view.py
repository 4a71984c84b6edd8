"""The contract of TopUpView."""

from typing import Any

from adapters.sql import core_tables as tables
from adapters.sql.card_rows import top_up_values
from adapters.sql.database import Database
from adapters.sql.top_up_view import SqlTopUpView
from domain.ids import TopUpId, UserId
from domain.money import Won
from domain.payment import PaymentStatus
from domain.top_up import TopUp
from tests.contracts.rows import MINUTE, NOW, insert_rows, uid

MINSU = UserId(uid(501))


def a_top_up(number: int, **changes: Any) -> TopUp:
    facts: dict[str, Any] = {
        "id": TopUpId(MINSU, uid(number)),
        "amount": Won(1_000_000),
        "status": PaymentStatus.REQUESTED,
        "order_id": "o" * 43,
        "payment_key": "k" * 200,
        "requested_at": NOW,
    }
    return TopUp(**(facts | changes))


async def put(database: Database, *top_ups: TopUp) -> None:
    names = tables.TOP_UPS.columns.keys()
    await insert_rows(database, tables.TOP_UPS, (dict(zip(names, top_up_values(top_up), strict=True)) for top_up in top_ups))


async def test_a_top_up_is_found_by_its_whole_id(database: Database) -> None:
    view = SqlTopUpView(database)
    asked = a_top_up(1)
    completed = a_top_up(2, status=PaymentStatus.COMPLETED, completed_at=NOW + MINUTE)
    declined = a_top_up(3, status=PaymentStatus.FAILED, decline_code="REJECT_CARD_COMPANY")
    await put(database, asked, completed, declined)
    assert [await view.top_up(top_up.id) for top_up in (declined, asked, completed)] == [declined, asked, completed]
    assert await view.top_up(TopUpId(UserId(uid(502)), uid(1))) is None
