"""A database in memory: transactions one after the other over dictionaries, with the faults a test asks for."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any

from application.ports.unit_of_work import Needs, ResultT, Transaction
from application.work import Rows, Work

Kind = dict[Any, Any]
Fault = Callable[[Transaction[Any]], BaseException | None]


class MemoryUnitOfWork:
    """``rows``: kind → key → row, kinds as the attributes of ``Work``. What a transaction wrote is kept, or none of it.

    ``faults`` are asked before each commit, the oldest first; one that answers is spent, and what it answers is raised.
    Raised by ``lost_answers``, the commit stands all the same.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.rows: dict[str, Kind] = {}
        self.commits = 0
        self.faults: deque[Fault] = deque()
        self.lost_answers: deque[Fault] = deque()
        self._now = now
        self._turn = asyncio.Lock()

    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        async with self._turn:
            await asyncio.sleep(0)
            work = Work(now=self._now(), loaded=self.rows, named=self._named(transaction.needs()))
            result = transaction.decide(work)
            _raise(self.faults, transaction)
            self._keep(work)
            self.commits += 1
            _raise(self.lost_answers, transaction)
            return result

    def kind(self, name: str) -> Kind:
        return self.rows.setdefault(name, {})

    def put(self, kind: str, key: Any, row: Any) -> None:
        self.kind(kind)[key] = row

    def _named(self, needs: Needs) -> dict[str, set[Any]]:
        named: dict[str, set[Any]] = {}
        for field in fields(needs):
            if field.name != "shard":
                named.setdefault(field.name.removeprefix("shared_"), set()).update(getattr(needs, field.name))
        for key in named["reservations"]:
            reservation = self.kind("reservations").get(key)
            named["seats"].update(reservation.seat_ids if reservation else ())
        return named

    def _keep(self, work: Work) -> None:
        kinds = {name for name in dir(work) if not name.startswith("_") and isinstance(getattr(work, name), Rows)}
        for name in kinds:
            rows = getattr(work, name)
            self.kind(name).update(rows.added | rows.changed)


def _raise(faults: deque[Fault], transaction: Transaction[Any]) -> None:
    if faults and (fault := faults[0](transaction)) is not None:
        faults.popleft()
        raise fault
