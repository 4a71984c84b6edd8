"""The person who is signed in."""

from datetime import datetime
from typing import Annotated

import strawberry

from application.ports.catalogue import Page
from domain.point_account import PointLedgerEntry as DomainEntry
from entrypoints.auth import Person
from entrypoints.graphql import cursors, ids
from entrypoints.graphql.context import Info
from entrypoints.graphql.fields import field
from entrypoints.graphql.types.booking import ReservationConnection
from entrypoints.graphql.types.node import PageInfo

MOST = 100

First = Annotated[int | None, strawberry.argument(description=f"How many, at most {MOST}.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to go on from.")]


@strawberry.type(description="One movement of points.")
class PointLedgerEntry:
    kind: str = strawberry.field(description="TOP_UP, DEDUCT or RESTORE.")
    amount: int = strawberry.field(description="In won, negative where points left the account.")
    balance_after: int = strawberry.field(description="In won.")
    created_at: datetime = strawberry.field(description="When it was entered.")


@strawberry.type(description="An entry of the ledger in a list.")
class PointLedgerEdge:
    node: PointLedgerEntry = strawberry.field(description="The entry.")
    cursor: str = strawberry.field(description="Where it stands in the list.")


@strawberry.type(description="A page of one's point ledger, newest first.")
class PointLedgerConnection:
    edges: list[PointLedgerEdge] = strawberry.field(description="The entries of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(cls, page: Page[DomainEntry], after: str | None) -> "PointLedgerConnection":
        edges = [
            PointLedgerEdge(
                node=PointLedgerEntry(kind=entry.kind, amount=entry.amount, balance_after=entry.balance_after, created_at=entry.created_at),
                cursor=cursors.of_sequence(entry.sequence),
            )
            for entry in page.items
        ]
        return cls(edges=edges, page_info=PageInfo.of([edge.cursor for edge in edges], has_next=page.has_next, after=after))


@strawberry.type(description="The person who is signed in.")
class Viewer:
    person: strawberry.Private[Person]
    user_id: strawberry.ID = strawberry.field(description="The person's id.")

    @classmethod
    def of(cls, person: Person) -> "Viewer":
        return cls(person=person, user_id=ids.user_id(person.user_id))

    @field("Where AlimTalk and SMS go: the number chosen here, else the access token's.")
    async def phone(self, info: Info) -> str | None:
        return await info.context.views.people.phone(self.person.user_id) or self.person.phone

    @field("The balance of points, in won.")
    async def points(self, info: Info) -> int:
        return await info.context.views.people.balance(self.person.user_id)

    @field("One's reservations, newest first.")
    async def reservations(self, info: Info, first: First = 20, after: After = strawberry.UNSET) -> ReservationConnection:
        size, behind = cursors.bounded(first, 20, MOST), cursors.read_uuid(after or None)
        page = await info.context.views.bookings.reservations_of(self.person.user_id, size, behind)
        return ReservationConnection.of(list(page.items), has_next=page.has_next, after=after or None, now=info.context.now())

    @field("The movements of one's points, newest first.")
    async def point_ledger(self, info: Info, first: First = 20, after: After = strawberry.UNSET) -> PointLedgerConnection:
        size, behind = cursors.bounded(first, 20, MOST), cursors.read_sequence(after or None)
        return PointLedgerConnection.of(await info.context.views.people.ledger(self.person.user_id, size, behind), after or None)


@strawberry.type(description="A guest's first moment: a new person, with points to spend.")
class GuestSession:
    access_token: str = strawberry.field(description="For `Authorization: Bearer …`; good for a day.")
    user_id: strawberry.ID = strawberry.field(description="The guest's id.")
    expires_at: datetime = strawberry.field(description="Until when the token is good.")
