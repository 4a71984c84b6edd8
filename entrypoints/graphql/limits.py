"""How large a document may be. Each fragment is visited once, so that the check itself cannot be made expensive."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    validate,
)
from graphql.validation import ASTValidationRule
from strawberry.extensions import ParserCache, SchemaExtension

MOST_TOKENS = 4_000
DEEPEST = 16
MOST_ALIASES = 60
MOST_FIELDS = 400
MOST_DIRECTIVES = 100
MOST_OPERATIONS = 20
MOST_ERRORS = 5
INTROSPECTION = frozenset({"__schema", "__type"})
"""Exempt: the standard query is 13 deep, and its fields cost nothing."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of what is executed: a fragment counts wherever it is spread."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0

    def beside(self, other: "Size") -> "Size":
        return Size(
            max(self.depth, other.depth), self.fields + other.fields, self.aliases + other.aliases, self.directives + other.directives
        )


class _Analyser:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        self._sizes: dict[str, Size | None] = {}

    def size(self, selections: SelectionSetNode) -> Size:
        total = Size()
        for selection in selections.selections:
            total = total.beside(Size(directives=len(selection.directives or ())))
            if isinstance(selection, FieldNode):
                total = total.beside(self._field(selection))
            elif isinstance(selection, FragmentSpreadNode):
                total = total.beside(self._fragment(selection.name.value))
            else:
                total = total.beside(self.size(selection.selection_set))  # type: ignore[attr-defined]
        return total

    def _field(self, field: FieldNode) -> Size:
        if field.name.value in INTROSPECTION:
            return Size(depth=1, fields=1)
        inner = self.size(field.selection_set) if field.selection_set else Size()
        return Size(inner.depth + 1, inner.fields + 1, inner.aliases + (field.alias is not None), inner.directives)

    def _fragment(self, name: str) -> Size:
        """A fragment that spreads itself is refused by validation; here it only must not be followed for ever."""
        if name not in self._fragments:
            return Size()
        if name not in self._sizes:
            self._sizes[name] = None
            self._sizes[name] = self.size(self._fragments[name].selection_set)
        return self._sizes[name] or Size()


def excess(document: DocumentNode) -> str | None:
    """What the document has too much of, if anything."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) > MOST_OPERATIONS:
        return f"a document has at most {MOST_OPERATIONS} operations"
    analyser = _Analyser(document)
    size = Size()
    for operation in operations:
        size = size.beside(analyser.size(operation.selection_set)).beside(Size(directives=len(operation.directives or ())))
    for have, most, what in (
        (size.depth, DEEPEST, "levels"),
        (size.fields, MOST_FIELDS, "fields"),
        (size.aliases, MOST_ALIASES, "aliases"),
        (size.directives, MOST_DIRECTIVES, "directives"),
    ):
        if have > most:
            return f"a document has at most {most} {what}, with its fragments spread"
    return None


@lru_cache(maxsize=512)
def checked(schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]) -> list[GraphQLError]:
    """What is wrong with the document: its size first, for the other rules take their time on large ones."""
    if (too_much := excess(document)) is not None:
        return [GraphQLError(too_much)]
    return validate(schema, document, rules, max_errors=MOST_ERRORS)


class ParsedDocuments(ParserCache):
    """Parses each document once. What cannot be parsed is left to Strawberry, which says so in the usual way."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        with suppress(GraphQLError):
            context.graphql_document = self.cached_parse_document(context.query, **context.parse_options)
        yield


class CheckedDocuments(SchemaExtension):
    """Bounds and validates each document, once for all requests that bring it."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        assert context.graphql_document is not None
        context.pre_execution_errors = checked(context.schema._schema, context.graphql_document, context.validation_rules)
        yield
