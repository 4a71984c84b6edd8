"""The schema, as it is served and as it is printed."""

from collections.abc import Callable
from functools import lru_cache

import strawberry
from graphql import GraphQLError
from strawberry.extensions import DisableIntrospection, MaxTokensLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from entrypoints.graphql.errors import REFUSALS, CodedErrors
from entrypoints.graphql.limits import MOST_TOKENS, CheckedDocuments, ParsedDocuments
from entrypoints.graphql.measuring import MeasuredOperations
from entrypoints.graphql.mutations import Mutation
from entrypoints.graphql.queries import Query
from entrypoints.graphql.subscriptions import Subscription
from entrypoints.graphql.types.booking import Payment, Reservation, Ticket
from entrypoints.graphql.types.catalogue import Concert, Performance, Seat

PARSED_DOCUMENTS = 512


class QuietSchema(strawberry.Schema):
    """Strawberry logs each error with its query, arguments and all; what is worth a line is logged where it is masked."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        return


@lru_cache(maxsize=2)
def build_schema(*, introspection: bool) -> QuietSchema:
    """Without introspection, mistyped names are not guessed at either."""
    extensions: list[type[SchemaExtension] | Callable[[], SchemaExtension]] = [
        MeasuredOperations,
        CodedErrors,
        lambda: MaxTokensLimiter(MOST_TOKENS),
        lambda: ParsedDocuments(PARSED_DOCUMENTS),
        CheckedDocuments,
    ]
    return QuietSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Concert, Performance, Seat, Reservation, Payment, Ticket],
        extensions=extensions if introspection else [*extensions, DisableIntrospection],
        exception_handlers=REFUSALS,
        config=StrawberryConfig(disable_field_suggestions=not introspection),
    )


def printed_schema() -> str:
    return f"{build_schema(introspection=True).as_str()}\n"
