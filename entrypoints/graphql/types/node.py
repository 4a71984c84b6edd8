"""What all types share."""

from enum import Enum
from typing import Any, TypeVar

import strawberry

E = TypeVar("E", bound=Enum)


@strawberry.interface(description="A thing with an id of its own, which `node` finds again.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and URL-safe; the same for as long as the thing exists.")


@strawberry.type(description="Where a page of a list stands in it.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on behind this page.")
    has_previous_page: bool = strawberry.field(description="Whether something lies before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last item, to go on from with `after`; null on an empty page.")

    @classmethod
    def of(cls, cursors: list[str], *, has_next: bool, after: str | None) -> "PageInfo":
        return cls(
            has_next_page=has_next,
            has_previous_page=bool(after),
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


def described(enum: type[E], description: str, **values: str) -> None:
    """Makes a domain enum a GraphQL one, each of its values with a description."""
    registered: Any = strawberry.enum(enum, description=description)
    definition = registered.__strawberry_definition__
    names = {value.name for value in definition.values}
    if names != set(values):
        raise ValueError(f"{enum.__name__}: describe exactly {sorted(names)}")
    for value in definition.values:
        value.description = values[value.name]
