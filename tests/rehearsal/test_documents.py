"""What the rehearsal says is valid in the schema that the server publishes."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from entrypoints import graphql
from entrypoints.rehearsal import documents

DOCUMENTS = [name for name in vars(documents) if name.isupper() and not name.startswith("_")]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((Path(graphql.__path__[0]) / "schema.graphql").read_text(encoding="utf-8"))


def test_all_are_looked_at() -> None:
    assert len(DOCUMENTS) == 12


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid(name: str, schema: GraphQLSchema) -> None:
    assert [error.message for error in validate(schema, parse(getattr(documents, name)))] == []
