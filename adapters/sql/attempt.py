"""One try of a group of transactions, apart from how its rows come and go: each decides on rows it shares with the others."""

import asyncio
from collections.abc import Collection, Iterator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from adapters.sql.faults import Refused
from adapters.sql.mappers import Stamp
from application.ports.unit_of_work import Needs, Transaction
from application.work import Rows, Work
from domain.errors import NotCommitted, NotNeeded


@dataclass(slots=True, eq=False)
class Command:
    """A transaction that waits for its turn, and the caller who waits for its result."""

    transaction: Transaction[Any]
    needs: Needs
    answer: "asyncio.Future[Any]"
    context: Context = field(default_factory=copy_context)
    """The caller's: what is logged on their behalf carries their correlation id."""


class Load(NamedTuple):
    """A field of ``Needs``, in the order in which kinds are locked."""

    field: str
    kind: str
    shared: bool = False


LOADS = (
    Load("queues", "queues"),
    Load("shared_queues", "queues", shared=True),
    Load("performances", "performances"),
    Load("shared_performances", "performances", shared=True),
    Load("buyers", "buyers"),
    Load("reservations", "reservations"),
    Load("seats", "seats"),
    Load("point_accounts", "point_accounts"),
    Load("payments", "payments"),
    Load("tickets", "tickets"),
    Load("idempotency", "idempotency"),
    Load("inbox", "inbox"),
    Load("handled_keys", "handled_keys"),
    Load("contacts", "contacts"),
    Load("orders", "orders"),
    Load("top_ups", "top_ups"),
    Load("errands", "errands"),
)

SHARED = {load.kind: load.field.removeprefix("shared_") for load in LOADS if load.shared}
"""Kinds that may be locked FOR SHARE, and the field that names those locked for change."""


class Decided(NamedTuple):
    """What a transaction made of its rows; ``refusal`` instead of ``result`` if it would have none of it."""

    command: Command
    result: Any = None
    refusal: Exception | None = None
    wrote: bool = False


@dataclass(slots=True)
class Attempt:
    """Rows are added to ``rows`` under their locks, then ``decide`` is called, then ``added`` and ``changed`` are written."""

    commands: list[Command]
    rows: dict[str, dict[Any, Any]] = field(default_factory=dict)
    added: dict[str, dict[Any, Any]] = field(default_factory=dict)
    changed: dict[str, dict[Any, Any]] = field(default_factory=dict)
    decided: list[Decided] = field(default_factory=list)
    commit_sent: bool = False
    """From here on, no answer means that the outcome is not known."""

    @property
    def shard(self) -> UUID:
        return self.commands[0].needs.shard

    def wanted(self, load: Load) -> Iterator[Any]:
        """The keys that transactions named there; those of several of them come as often."""
        name = load.field
        for command in self.commands:
            yield from getattr(command.needs, name)

    def decide(self, now: datetime) -> Stamp:
        """Each transaction in its turn, on what those before it left. Raises Refused when two of them add the same row."""
        for command in self.commands:
            work = Work(now=now, loaded=self.rows, named=self._named(command.needs))
            try:
                result = command.transaction.decide(work)
            except Exception as refusal:  # whatever it is, it is this caller's answer and nobody else's
                self.decided.append(Decided(command, refusal=refusal))
            else:
                self.decided.append(self._accept(command, work, result))
        return Stamp(self.shard, now)

    def _named(self, needs: Needs) -> dict[str, Collection[Any]]:
        named: dict[str, Collection[Any]] = {}
        for name, kind, _ in LOADS:
            if keys := getattr(needs, name):
                named[kind] = (*named[kind], *keys) if kind in named else keys
        if needs.reservations:
            found = self.rows.get("reservations", {})
            brought = [key for id in needs.reservations if id in found for key in found[id].seat_ids]
            named["seats"] = (*needs.seats, *brought)
        return named

    def _accept(self, command: Command, work: Work, result: Any) -> Decided:
        written = [(kind, rows) for kind, rows in work.used() if rows.added or rows.changed]
        for kind, rows in written:
            if kind in SHARED and not rows.changed.keys() <= set(getattr(command.needs, SHARED[kind])):
                return Decided(command, refusal=NotNeeded(f"a row of {kind} was changed that was only shared"))
        for kind, rows in written:
            self._keep(kind, rows)
        return Decided(command, result=result, wrote=bool(written))

    def _keep(self, kind: str, rows: Rows[Any, Any]) -> None:
        added = self.added.setdefault(kind, {})
        if rows.changed:
            already = {key: row for key, row in rows.changed.items() if key in added} if added else {}
            added.update(already)
            self.changed.setdefault(kind, {}).update(rows.changed)
            for key in already:
                del self.changed[kind][key]
        if rows.added:
            expected = len(added) + len(rows.added)
            added.update(rows.added)
            if len(added) != expected:
                raise Refused(NotCommitted(f"two transactions of a group add the same row of {kind}"))
        shared = self.rows.setdefault(kind, {})
        shared.update(rows.added)
        shared.update(rows.changed)
