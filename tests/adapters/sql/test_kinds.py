"""Nothing that a transaction can name or write is forgotten on the way to the database."""

from dataclasses import MISSING, fields

from adapters.sql.attempt import LOADS
from adapters.sql.mappers import MAPPER_OF
from application.ports.unit_of_work import Needs
from application.work import Work
from tests.adapters.sql.test_values import FULL

COLLECTIONS = {name for name, member in vars(Work).items() if type(member).__name__ == "_on_first_use"}


def test_every_kind_has_a_table() -> None:
    assert set(MAPPER_OF) == COLLECTIONS


def test_every_field_of_needs_is_loaded() -> None:
    assert {load.field for load in LOADS} == {field.name for field in fields(Needs)} - {"shard"}
    assert {load.kind for load in LOADS} <= COLLECTIONS


def test_the_round_trips_leave_no_field_at_its_default() -> None:
    unmoved = {
        (kind, field.name)
        for kind, (_, thing, changes) in FULL.items()
        for field in fields(thing)
        if field.default is not MISSING and getattr(thing, field.name) == field.default and field.name not in changes
    }
    assert unmoved == set()
