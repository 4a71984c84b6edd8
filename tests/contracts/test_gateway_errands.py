"""The contract of GatewayErrands, and of what operators see of them."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from adapters.sql import core_tables as tables
from adapters.sql.card_rows import errand_values
from adapters.sql.database import Database
from adapters.sql.gateway_errands import SqlGatewayErrands, SqlGatewayErrandView
from application.ports.gateway_errand_view import ManualErrand
from application.ports.gateway_errands import NextStep
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState, GatewayErrand
from domain.money import Won
from tests.contracts.rows import NOW, insert_rows, uid

ERRANDS = tables.GATEWAY_ERRANDS
LEASE = 60
ENDED = 0
"""A lease of no time at all: it has run out when the next one looks."""
HOURS_AGO = datetime(2020, 1, 1, 12, tzinfo=UTC)
"""Long past by the clock of any database."""


def an_errand(number: int = 1, kind: ErrandKind = ErrandKind.CONFIRM, **changes: Any) -> GatewayErrand:
    """Created far in the future of every database's clock, which alone decides what is due."""
    facts: dict[str, Any] = {
        "id": ErrandId(uid(900), uid(number), kind),
        "order_id": f"order-{number}",
        "payment_key": "k" * 200,
        "amount": Won(70_000),
        "state": ErrandState.OPEN,
        "created_at": NOW + timedelta(seconds=number),
    }
    return GatewayErrand(**(facts | changes))


async def put(database: Database, errands: Iterable[GatewayErrand], **changes: Any) -> None:
    """As the unit of work leaves them, or as ``changes`` says."""
    names = ERRANDS.columns.keys()
    await insert_rows(database, ERRANDS, (dict(zip(names, errand_values(errand), strict=False)) | changes for errand in errands))


async def row_of(database: Database, errand: GatewayErrand) -> Any:
    key = (ERRANDS.c.shard_key, ERRANDS.c.attempt, ERRANDS.c.kind)
    condition = [column == value for column, value in zip(key, errand.id, strict=True)]
    [row] = await database.rows(select(ERRANDS).where(*condition))
    return row


async def change(database: Database, **changes: Any) -> None:
    await database.write(lambda connection: connection.execute(update(ERRANDS).values(changes)))


async def claimed_by(errands: SqlGatewayErrands, owner: str = "worker", limit: int = 10, lease: int = LEASE) -> list[GatewayErrand]:
    return [due.errand for due in await errands.claim(owner, limit, lease)]


@pytest.fixture
def errands(database: Database) -> SqlGatewayErrands:
    return SqlGatewayErrands(database)


async def test_a_new_errand_is_due_at_once_whatever_the_clock_of_its_writer_says(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand])
    [due] = await errands.claim("worker", 10, LEASE)
    assert (due.errand, due.next_step, due.begun_at, due.sends, due.look_ups) == (errand, NextStep.SEND, None, 0, 0)
    row = await row_of(database, errand)
    assert row.leased_until - due.now == pytest.approx(timedelta(seconds=LEASE), abs=timedelta(seconds=5))
    assert (row.idempotency_key, row.request_hash) == (errand.idempotency_key, errand.request_hash)


async def test_the_oldest_first_no_more_than_asked_for_and_nothing_twice(database: Database, errands: SqlGatewayErrands) -> None:
    made = [an_errand(number) for number in (3, 1, 4, 2)]
    await put(database, made)
    waiting = an_errand(5, ErrandKind.CANCEL)
    await put(database, [waiting], due_at=HOURS_AGO)
    claims = [await claimed_by(errands, limit=2) for _ in range(4)]
    assert claims == [[waiting, made[1]], [made[3], made[0]], [made[2]], []]


@pytest.mark.parametrize("state", [ErrandState.CLOSED, ErrandState.MANUAL])
async def test_only_open_errands_are_run(database: Database, errands: SqlGatewayErrands, state: ErrandState) -> None:
    await put(database, [an_errand(1, state=state)])
    await put(database, [an_errand(2, state=state)], due_at=HOURS_AGO)
    assert await claimed_by(errands) == []


async def test_a_send_is_written_before_it_leaves_and_then_the_next_step_is_a_look_up(
    database: Database, errands: SqlGatewayErrands
) -> None:
    errand = an_errand()
    await put(database, [errand])
    [due] = await errands.claim("first", 10, ENDED)
    [due] = await errands.claim("second", 10, LEASE)
    assert await errands.begin_send("second", errand.id)
    row = await row_of(database, errand)
    assert (row.next_step, row.sends, row.look_ups) == (NextStep.LOOK_UP, 1, 0)
    assert timedelta(0) <= row.begun_at - due.now < timedelta(seconds=5)


async def test_one_claim_sends_once(database: Database, errands: SqlGatewayErrands) -> None:
    """Two passes of a worker share its name: the second takes up what the first was too slow for."""
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("worker", 10, ENDED)
    await errands.claim("worker", 10, LEASE)
    assert [await errands.begin_send("worker", errand.id) for _ in range(2)] == [True, False]
    assert (await row_of(database, errand)).sends == 1


async def test_begun_is_when_the_first_send_was(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand], begun_at=HOURS_AGO, sends=3)
    await errands.claim("worker", 10, LEASE)
    assert await errands.begin_send("worker", errand.id)
    row = await row_of(database, errand)
    assert (row.begun_at, row.sends) == (HOURS_AGO, 4)


async def test_a_stopped_worker_whose_lease_ran_out_sends_nothing(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("stopped", 10, ENDED)
    assert not await errands.begin_send("stopped", errand.id)
    assert await claimed_by(errands, "another") == [errand]
    assert not await errands.begin_send("stopped", errand.id)
    row = await row_of(database, errand)
    assert (row.begun_at, row.sends, row.next_step, row.lease_owner) == (None, 0, NextStep.SEND, "another")


async def test_who_claimed_nothing_sends_nothing(database: Database, errands: SqlGatewayErrands) -> None:
    errand, other = an_errand(1), an_errand(1, ErrandKind.CANCEL)
    await put(database, [errand])
    assert not await errands.begin_send("worker", errand.id)
    await errands.claim("worker", 10, LEASE)
    assert not await errands.begin_send("worker", other.id)
    assert (await row_of(database, errand)).sends == 0


@pytest.mark.parametrize("state", [ErrandState.CLOSED, ErrandState.MANUAL])
async def test_an_errand_that_was_settled_meanwhile_is_not_sent_nor_postponed(
    database: Database, errands: SqlGatewayErrands, state: ErrandState
) -> None:
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("worker", 10, LEASE)
    await change(database, state=state)
    assert not await errands.begin_send("worker", errand.id)
    await errands.postpone("worker", errand.id, NextStep.SEND, 0, "LATE")
    row = await row_of(database, errand)
    assert (row.state, row.sends, row.note, row.due_at) == (state, 0, None, None)


async def test_a_worker_that_died_after_its_send_is_followed_by_a_look_up(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("dying", 10, LEASE)
    assert await errands.begin_send("dying", errand.id)
    assert await claimed_by(errands, "another") == []
    await change(database, leased_until=HOURS_AGO)
    [due] = await errands.claim("another", 10, LEASE)
    assert (due.errand, due.next_step, due.sends) == (errand, NextStep.LOOK_UP, 1)
    assert due.begun_at is not None


async def test_what_is_postponed_comes_when_its_time_has_come(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("worker", 10, LEASE)
    await errands.postpone("worker", errand.id, NextStep.LOOK_UP, 3600, "N" * 150)
    row = await row_of(database, errand)
    assert (row.next_step, row.look_ups, row.note, row.lease_owner, row.leased_until) == (NextStep.LOOK_UP, 1, "N" * 100, None, None)
    assert await claimed_by(errands) == []
    await change(database, due_at=HOURS_AGO)
    [due] = await errands.claim("another", 10, LEASE)
    assert (due.errand, due.next_step, due.look_ups) == (errand, NextStep.LOOK_UP, 1)


async def test_a_send_again_is_no_look_up_and_soon_is_soon(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("worker", 10, LEASE)
    await errands.begin_send("worker", errand.id)
    await errands.postpone("worker", errand.id, NextStep.SEND, 0.2, "CONNECT")
    assert await claimed_by(errands) == []
    await asyncio.sleep(0.3)
    [due] = await errands.claim("worker", 10, LEASE)
    assert (due.next_step, due.sends, due.look_ups) == (NextStep.SEND, 1, 0)
    assert await errands.begin_send("worker", errand.id)


async def test_who_lost_the_lease_postpones_nothing(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("slow", 10, ENDED)
    await errands.claim("quick", 10, LEASE)
    await errands.postpone("slow", errand.id, NextStep.LOOK_UP, 3600, "LATE")
    row = await row_of(database, errand)
    assert (row.lease_owner, row.next_step, row.look_ups, row.due_at, row.note) == ("quick", NextStep.SEND, 0, None, None)


async def test_a_second_postponement_of_a_claim_is_none(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("worker", 10, LEASE)
    await errands.postpone("worker", errand.id, NextStep.LOOK_UP, 3600, "NOT_WRITTEN")
    await errands.postpone("worker", errand.id, NextStep.SEND, 0, "DOUBT")
    row = await row_of(database, errand)
    assert (row.next_step, row.look_ups, row.note) == (NextStep.LOOK_UP, 1, "NOT_WRITTEN")


async def test_a_look_up_that_waits_can_be_hurried_and_nothing_else(database: Database, errands: SqlGatewayErrands) -> None:
    waiting, other, sending, new, closed = (an_errand(number) for number in range(1, 6))
    later = NOW + timedelta(days=365)
    await put(database, [waiting, other], next_step=NextStep.LOOK_UP, due_at=later)
    await put(database, [sending], next_step=NextStep.SEND, due_at=later)
    await put(database, [new])
    await put(database, [replace(closed, state=ErrandState.CLOSED)], next_step=NextStep.LOOK_UP, due_at=later)
    asked = [errand.id for errand in (waiting, sending, new, closed)]
    assert await errands.hurry([*asked, ErrandId(uid(900), uid(99), ErrandKind.CONFIRM)]) == 1
    assert await errands.hurry(asked) == 0
    assert await errands.hurry([]) == 0
    due = await errands.claim("worker", 10, LEASE)
    assert {one.errand.id: one.next_step for one in due} == {waiting.id: NextStep.LOOK_UP, new.id: NextStep.SEND}


async def test_one_that_was_closed_is_looked_up_again_and_no_other(database: Database, errands: SqlGatewayErrands) -> None:
    closed, unsettled, manual = (an_errand(number) for number in range(1, 4))
    run = {"next_step": NextStep.LOOK_UP, "begun_at": HOURS_AGO, "sends": 2, "look_ups": 9}
    await put(database, [replace(closed, state=ErrandState.CLOSED)], **run)
    await put(database, [unsettled], due_at=NOW + timedelta(days=365))
    await put(database, [replace(manual, state=ErrandState.MANUAL)])
    asked = [errand.id for errand in (closed, unsettled, manual)] + [ErrandId(uid(900), uid(99), ErrandKind.CONFIRM)]
    assert [await errands.look_back(each, 600) for each in asked] == [True, False, False, False]
    assert await errands.look_back(closed.id, 600) is False, "it is open already"
    [due] = await errands.claim("worker", 10, LEASE)
    assert (due.errand, due.next_step) == (closed, NextStep.LOOK_BACK)
    assert (due.begun_at, due.sends, due.look_ups) == (HOURS_AGO, 2, 0)
    assert not await errands.begin_send("worker", closed.id), "nothing is ever sent for it again"
    await errands.postpone("worker", closed.id, NextStep.LOOK_BACK, 0, "NOT_FOUND")
    assert (await row_of(database, closed)).look_ups == 1


async def test_a_look_that_does_not_count_is_none(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand], next_step=NextStep.LOOK_BACK, look_ups=3, due_at=HOURS_AGO)
    await errands.claim("worker", 10, LEASE)
    await errands.postpone("worker", errand.id, NextStep.LOOK_BACK, 3600, "UNAVAILABLE", counts=False)
    row = await row_of(database, errand)
    assert (row.next_step, row.look_ups, row.note, row.lease_owner) == (NextStep.LOOK_BACK, 3, "UNAVAILABLE", None)
    assert row.due_at > datetime.now(UTC) + timedelta(minutes=50)


async def test_one_that_was_looked_up_again_lately_waits(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [replace(errand, state=ErrandState.CLOSED)])
    moments = []
    for _ in range(3):
        assert await errands.look_back(errand.id, 600)
        row = await row_of(database, errand)
        assert row.looked_back_at == row.due_at
        moments.append(row.due_at)
        await change(database, state=ErrandState.CLOSED, due_at=None)
    assert abs(moments[0] - datetime.now(UTC)) < timedelta(seconds=60)
    assert timedelta(seconds=600) <= moments[1] - moments[0] < timedelta(seconds=660)
    assert timedelta(0) <= moments[2] - moments[1] < timedelta(seconds=60), "no later than that from now"
    await change(database, looked_back_at=HOURS_AGO)
    assert await errands.look_back(errand.id, 600)
    assert [due.errand for due in await errands.claim("worker", 10, LEASE)] == [errand]


@pytest.mark.race
async def test_workers_side_by_side_take_each_errand_once(database: Database) -> None:
    made = [an_errand(number) for number in range(60)]
    await put(database, made[:40])
    await put(database, made[40:], due_at=HOURS_AGO)
    sent: list[ErrandId] = []

    async def work(owner: str) -> None:
        errands = SqlGatewayErrands(database)
        while claimed := await errands.claim(owner, 7, LEASE):
            for due in claimed:
                assert await errands.begin_send(owner, due.errand.id)
                sent.append(due.errand.id)

    await asyncio.gather(*(work(f"worker-{number}") for number in range(4)))
    assert sorted(sent) == sorted(errand.id for errand in made)
    [[sends]] = await database.rows(select(func.sum(ERRANDS.c.sends)))
    assert sends == len(made)


async def test_operators_see_what_waits_for_a_person_the_oldest_first(database: Database) -> None:
    view = SqlGatewayErrandView(database)
    assert (await view.manual(10), await view.counts()) == ([], {ErrandState.OPEN: 0, ErrandState.MANUAL: 0})
    manual = [an_errand(number, ErrandKind.CANCEL, state=ErrandState.MANUAL) for number in (2, 1, 3)]
    await put(database, manual, begun_at=HOURS_AGO, sends=2, look_ups=5, note="NOT_CANCELABLE")
    await put(database, [an_errand(number) for number in (4, 5)])
    await put(database, [an_errand(6, state=ErrandState.CLOSED)])
    assert await view.manual(2) == [
        ManualErrand(errand=errand, begun_at=HOURS_AGO, sends=2, look_ups=5, note="NOT_CANCELABLE") for errand in (manual[1], manual[0])
    ]
    assert len(await view.manual(10)) == 3
    assert await view.counts() == {ErrandState.OPEN: 2, ErrandState.MANUAL: 3}


async def test_a_request_that_was_not_tried_after_all_is_none(database: Database, errands: SqlGatewayErrands) -> None:
    errand = an_errand()
    await put(database, [errand])
    await errands.claim("worker", 10, LEASE)
    await errands.begin_send("worker", errand.id)
    await errands.postpone("worker", errand.id, NextStep.SEND, 0, "CIRCUIT_OPEN", sends=0)
    row = await row_of(database, errand)
    assert (row.next_step, row.sends, row.begun_at, row.note) == (NextStep.SEND, 0, None, "CIRCUIT_OPEN")
    await errands.claim("worker", 10, LEASE)
    await errands.begin_send("worker", errand.id)
    begun_at = (await row_of(database, errand)).begun_at
    await errands.postpone("worker", errand.id, NextStep.SEND, 0, "CONNECT")
    await errands.claim("worker", 10, LEASE)
    await errands.begin_send("worker", errand.id)
    await errands.postpone("worker", errand.id, NextStep.SEND, 0, "CIRCUIT_OPEN", sends=1)
    row = await row_of(database, errand)
    assert (row.sends, row.begun_at) == (1, begun_at)
    assert begun_at is not None
