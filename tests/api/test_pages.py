"""The pages speak the schema as it is, and need nobody's host."""

import re

import pytest
from graphql import build_schema, parse, validate

from entrypoints.api import PAGES
from entrypoints.graphql.schema import printed_schema

DOCUMENT = re.compile(r"`((?:#[^\n]*\n\s*)*(?:query|mutation|subscription|\{)[^`]*)`")


def documents(page: str) -> list[str]:
    text = (PAGES / page).read_text(encoding="utf-8")
    return [found for found in DOCUMENT.findall(text) if "${" not in found]


@pytest.mark.parametrize(("page", "count"), [("graphiql.html", 9), ("walk.html", 9)])
def test_each_document_is_valid(page: str, count: int) -> None:
    found = documents(page)
    assert len(found) == count
    schema = build_schema(printed_schema())
    assert [error.message for document in found for error in validate(schema, parse(document))] == []


def test_the_walk_loads_nothing_from_elsewhere() -> None:
    text = (PAGES / "walk.html").read_text(encoding="utf-8")
    assert "://" not in text.replace('"wss" : "ws"}://', "")
