"""The public API is what the contract says, what the snapshot says, and described."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_specified_scalar_type,
    print_ast,
)

import entrypoints.graphql.schema as served
from entrypoints.graphql.schema import printed_schema

CONTRACT = Path(__file__).with_name("contract.graphql")
SNAPSHOT = Path(served.__file__).with_name("schema.graphql")

Arguments = dict[str, tuple[str, str | None]]


def default_of(arg: GraphQLArgument | GraphQLInputField) -> str | None:
    """As it is written in the schema."""
    node = arg.ast_node
    return print_ast(node.default_value) if node and node.default_value else None


def arguments(args: object) -> Arguments:
    assert isinstance(args, dict)
    return {name: (str(arg.type), default_of(arg)) for name, arg in args.items()}


def missing(contract: GraphQLSchema, ours: GraphQLSchema) -> list[str]:
    """What the contract has that ours has not, or has otherwise."""
    found: list[str] = []

    def compare(where: str, wanted: object, given: object) -> None:
        if wanted != given:
            found.append(f"{where}: {wanted} is {given}")

    for name, wanted in contract.type_map.items():
        if name.startswith("__"):
            continue
        given = ours.type_map.get(name)
        if type(given) is not type(wanted):
            found.append(f"{name}: {type(wanted).__name__} is {type(given).__name__}")
        elif isinstance(wanted, GraphQLUnionType) and isinstance(given, GraphQLUnionType):
            compare(name, {member.name for member in wanted.types}, {member.name for member in given.types})
        elif isinstance(wanted, GraphQLEnumType) and isinstance(given, GraphQLEnumType):
            compare(name, set(wanted.values), set(given.values))
        elif isinstance(wanted, GraphQLInputObjectType) and isinstance(given, GraphQLInputObjectType):
            for field, (kind, default) in arguments(wanted.fields).items():
                compare(f"{name}.{field}", (kind, default), arguments(given.fields).get(field))
        elif isinstance(wanted, GraphQLObjectType | GraphQLInterfaceType) and isinstance(given, GraphQLObjectType | GraphQLInterfaceType):
            compare(f"{name} implements", {each.name for each in wanted.interfaces}, {each.name for each in given.interfaces})
            for field, definition in wanted.fields.items():
                if field not in given.fields:
                    found.append(f"{name}.{field} is missing")
                    continue
                compare(f"{name}.{field}", str(definition.type), str(given.fields[field].type))
                compare(f"{name}.{field}()", arguments(definition.args), arguments(given.fields[field].args))
    return found


def contract_schema() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text(encoding="utf-8"))


def test_it_has_all_of_the_contract() -> None:
    assert missing(contract_schema(), build_schema(printed_schema())) == []


@pytest.mark.parametrize(
    ("theirs", "broken"),
    [
        ("  clientKey: String!", "  clientKey: String"),
        ("  method: PaymentMethod! = POINTS", "  method: PaymentMethod! = CARD"),
        ("  SOLD_OUT\n", "  SOLD_OUT_SOON\n"),
        ("union PrepareTopUpResult = PaymentOrder | ", "union PrepareTopUpResult = "),
        ("first: Int = 100", "first: Int = 101"),
    ],
)
def test_the_comparison_sees_a_difference(theirs: str, broken: str) -> None:
    printed = printed_schema()
    assert theirs in printed
    changed = build_schema(printed.replace(theirs, broken), assume_valid=True, assume_valid_sdl=True)
    assert missing(contract_schema(), changed) != []


def test_the_snapshot_is_up_to_date() -> None:
    """`concert schema > entrypoints/graphql/schema.graphql` renews it; the difference belongs in the review."""
    assert SNAPSHOT.read_text(encoding="utf-8") == printed_schema()


def undescribed(schema: GraphQLSchema) -> list[str]:
    found: list[str] = []
    for name, kind in schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(kind):
            continue
        if not kind.description:
            found.append(name)
        if isinstance(kind, GraphQLEnumType):
            found += [f"{name}.{value}" for value, definition in kind.values.items() if not definition.description]
        if isinstance(kind, GraphQLInputObjectType):
            found += [f"{name}.{field}" for field, definition in kind.fields.items() if not definition.description]
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, output in kind.fields.items():
                found += [] if output.description else [f"{name}.{field}"]
                found += [f"{name}.{field}({arg})" for arg, definition in output.args.items() if not definition.description]
    return found


def test_everything_is_described() -> None:
    assert undescribed(build_schema(printed_schema())) == []


def test_a_missing_description_would_be_seen() -> None:
    assert undescribed(contract_schema()) != []
