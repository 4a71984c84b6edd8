"""How long operations take, and how they end."""

import time
from collections.abc import Iterator

from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType


class MeasuredOperations(SchemaExtension):
    """Subscriptions are left out: they last as long as somebody watches."""

    def on_operation(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        context = self.execution_context
        if context.graphql_document is None or context.operation_type is OperationType.SUBSCRIPTION:
            return
        outcome = "errors" if context.pre_execution_errors else "data"
        context.context.services.metrics.observe(
            "concert_graphql_seconds", time.perf_counter() - started, type=context.operation_type.value, outcome=outcome
        )
