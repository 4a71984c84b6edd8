from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.errors import IdempotencyConflict
from domain.idempotency import IdempotencyKey, IdempotencyRecord, fingerprint_of
from domain.ids import UserId, derived_id, user_id_of

RESULT = (UUID(int=8), UUID(int=9))
RECORD = IdempotencyRecord(
    key=IdempotencyKey(UUID(int=1), UserId(UUID(int=2)), "pay", "k"),
    fingerprint=fingerprint_of("a", 1),
    result=RESULT,
    created_at=datetime(2026, 11, 23, tzinfo=UTC),
)


def test_the_same_input_gets_the_first_result() -> None:
    assert RECORD.result_for(fingerprint_of("a", 1)) == RESULT


@pytest.mark.parametrize("fields", [("a", 2), ("a", "1"), ("a1",), (1, "a"), ("a", 1, None)])
def test_another_input_is_a_conflict(fields: tuple[object, ...]) -> None:
    with pytest.raises(IdempotencyConflict):
        RECORD.result_for(fingerprint_of(*fields))


def test_derived_ids_are_the_same_at_each_asking_and_differ_by_purpose_and_part() -> None:
    source, part = UUID(int=1), UUID(int=2)
    assert derived_id(source, "ticket", part) == derived_id(source, "ticket", part)
    assert (
        len(
            {
                derived_id(source, "ticket", part),
                derived_id(source, "ticket"),
                derived_id(source, "ledger", part),
                derived_id(part, "ticket", part),
            }
        )
        == 4
    )


def test_a_person_is_known_by_issuer_and_subject() -> None:
    assert user_id_of("a", "1") == user_id_of("a", "1")
    assert len({user_id_of("a", "1"), user_id_of("a", "2"), user_id_of("b", "1")}) == 3
