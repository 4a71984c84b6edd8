"""Every code that the gateway may answer with, for confirm and for cancel."""

import json
from typing import Any

import httpx
import pytest

from adapters.toss.answers import CANCEL, CONFIRM, Verdicts, answer
from adapters.toss.payments import STATUSES, Unreadable, read_payment
from adapters.toss.replies import LONGEST_RETRY_AFTER, NoReply, Reply, read_object, read_retry_after
from application.ports.payment_gateway import AnswerClass, GatewayAnswer, GatewayPayment, GatewayStatus
from domain.money import Won
from entrypoints.simulators.toss_errors import STATUS_OF

# Columns: code, what it means to a confirm, what to a cancel.
CODES = """
ALREADY_PROCESSED_PAYMENT                        ALREADY_PROCESSED  UNKNOWN
ALREADY_COMPLETED_PAYMENT                        ALREADY_PROCESSED  UNKNOWN
IDEMPOTENT_REQUEST_PROCESSING                    RETRY_SAME_KEY     RETRY_SAME_KEY
ALREADY_PROCESSING_REQUEST                       UNKNOWN            UNKNOWN
PROVIDER_ERROR                                   UNKNOWN            UNKNOWN
FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING        UNKNOWN            UNKNOWN
FAILED_INTERNAL_SYSTEM_PROCESSING                UNKNOWN            UNKNOWN
FAILED_METHOD_HANDLING                           UNKNOWN            UNKNOWN
COMMON_ERROR                                     UNKNOWN            UNKNOWN
UNKNOWN_ERROR                                    UNKNOWN            UNKNOWN
UNKNOWN_PAYMENT_ERROR                            UNKNOWN            UNKNOWN
CARD_PROCESSING_ERROR                            UNKNOWN            UNKNOWN
FORBIDDEN_CONSECUTIVE_REQUEST                    RETRY_LATER        RETRY_LATER
MAINTAINED_METHOD                                RETRY_LATER        RETRY_LATER
NOT_AVAILABLE_BANK                               RETRY_LATER        RETRY_LATER
NOT_AVAILABLE_PAYMENT                            RETRY_LATER        RETRY_LATER
REJECT_CARD_PAYMENT                              DECLINED           UNKNOWN
REJECT_CARD_COMPANY                              DECLINED           UNKNOWN
REJECT_ACCOUNT_PAYMENT                           DECLINED           UNKNOWN
REJECT_TOSSPAY_INVALID_ACCOUNT                   DECLINED           UNKNOWN
RESTRICTED_TRANSFER_ACCOUNT                      DECLINED           UNKNOWN
INVALID_ACCOUNT_INFO_RE_REGISTER                 DECLINED           UNKNOWN
INVALID_REJECT_CARD                              DECLINED           UNKNOWN
INVALID_STOPPED_CARD                             DECLINED           UNKNOWN
INVALID_CARD_EXPIRATION                          DECLINED           UNKNOWN
INVALID_CARD_INSTALLMENT_PLAN                    DECLINED           UNKNOWN
INVALID_CARD_NUMBER                              DECLINED           UNKNOWN
INVALID_CARD_LOST_OR_STOLEN                      DECLINED           UNKNOWN
INVALID_PASSWORD                                 DECLINED           UNKNOWN
EXCEED_MAX_CARD_INSTALLMENT_PLAN                 DECLINED           UNKNOWN
EXCEED_MAX_DAILY_PAYMENT_COUNT                   DECLINED           UNKNOWN
EXCEED_MAX_PAYMENT_AMOUNT                        DECLINED           UNKNOWN
EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT                DECLINED           UNKNOWN
EXCEED_MAX_AMOUNT                                DECLINED           UNKNOWN
EXCEED_MAX_ONE_DAY_AMOUNT                        DECLINED           UNKNOWN
EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT               DECLINED           UNKNOWN
EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT              DECLINED           UNKNOWN
EXCEED_MAX_AUTH_COUNT                            DECLINED           UNKNOWN
BELOW_MINIMUM_AMOUNT                             DECLINED           UNKNOWN
EXCEEDS_TRANSFER_AMOUNT_MAXIMUM                  DECLINED           UNKNOWN
NOT_SUPPORTED_CARD_TYPE                          DECLINED           UNKNOWN
NOT_SUPPORTED_METHOD                             DECLINED           UNKNOWN
NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN           DECLINED           UNKNOWN
NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT  DECLINED           UNKNOWN
NOT_ALLOWED_POINT_USE                            DECLINED           UNKNOWN
FDS_ERROR                                        DECLINED           UNKNOWN
PAY_PROCESS_CANCELED                             DECLINED           UNKNOWN
PAY_PROCESS_ABORTED                              DECLINED           UNKNOWN
NOT_FOUND_PAYMENT_SESSION                        SESSION_EXPIRED    UNKNOWN
NOT_FOUND_PAYMENT                                SESSION_EXPIRED    OUR_FAULT
INVALID_PAYMENT_KEY                              SESSION_EXPIRED    OUR_FAULT
UNAUTHORIZED_KEY                                 OUR_FAULT          OUR_FAULT
INVALID_API_KEY                                  OUR_FAULT          OUR_FAULT
INCORRECT_BASIC_AUTH_FORMAT                      OUR_FAULT          OUR_FAULT
INVALID_REQUEST                                  OUR_FAULT          OUR_FAULT
INVALID_REQUIRED_PARAM                           OUR_FAULT          OUR_FAULT
INVALID_ORDER_ID                                 OUR_FAULT          OUR_FAULT
INVALID_IDEMPOTENCY_KEY                          OUR_FAULT          OUR_FAULT
INVALID_TEST_CODE                                OUR_FAULT          OUR_FAULT
NOT_FOUND_MERCHANT                               OUR_FAULT          OUR_FAULT
API_VERSION_UPDATE_NEEDED                        OUR_FAULT          OUR_FAULT
FORBIDDEN_REQUEST                                OUR_FAULT          OUR_FAULT
DUPLICATED_ORDER_ID                              OUR_FAULT          UNKNOWN
INVALID_AUTHORIZE_AUTH                           OUR_FAULT          UNKNOWN
INVALID_UNREGISTERED_SUBMALL                     OUR_FAULT          UNKNOWN
NOT_FOUND_TERMINAL_ID                            OUR_FAULT          UNKNOWN
NOT_REGISTERED_BUSINESS                          OUR_FAULT          UNKNOWN
ALREADY_CANCELED_PAYMENT                         UNKNOWN            ALREADY_PROCESSED
ALREADY_REFUND_PAYMENT                           UNKNOWN            ALREADY_PROCESSED
ALREADY_REFUNDING_PAYMENT                        UNKNOWN            UNKNOWN
FAILED_METHOD_HANDLING_CANCEL                    UNKNOWN            UNKNOWN
FAILED_REFUND_PROCESS                            UNKNOWN            UNKNOWN
FAILED_PARTIAL_REFUND                            UNKNOWN            UNKNOWN
NOT_CANCELABLE_PAYMENT                           UNKNOWN            REFUSED_FOR_GOOD
NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER          UNKNOWN            REFUSED_FOR_GOOD
NOT_CANCELABLE_AMOUNT                            UNKNOWN            REFUSED_FOR_GOOD
NOT_ALLOWED_PARTIAL_REFUND                       UNKNOWN            REFUSED_FOR_GOOD
NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT       UNKNOWN            REFUSED_FOR_GOOD
EXCEED_MAX_REFUND_DUE                            DECLINED           REFUSED_FOR_GOOD
EXCEED_MAX_REFUND_AMOUNT                         DECLINED           REFUSED_FOR_GOOD
EXCEED_CANCEL_LIMIT                              UNKNOWN            REFUSED_FOR_GOOD
EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT             UNKNOWN            REFUSED_FOR_GOOD
NOT_SUPPORTED_REFUND                             DECLINED           REFUSED_FOR_GOOD
REFUND_REJECTED                                  UNKNOWN            REFUSED_FOR_GOOD
INVALID_REFUND_ACCOUNT_INFO                      UNKNOWN            REFUSED_FOR_GOOD
INVALID_REFUND_ACCOUNT_NUMBER                    UNKNOWN            REFUSED_FOR_GOOD
NOT_MATCHES_REFUNDABLE_AMOUNT                    UNKNOWN            REFUSED_FOR_GOOD
FORBIDDEN_BANK_REFUND_REQUEST                    UNKNOWN            REFUSED_FOR_GOOD
INVALID_BANK                                     UNKNOWN            REFUSED_FOR_GOOD
INVALID_REFUND_AMOUNT                            UNKNOWN            REFUSED_FOR_GOOD
NOT_FOUND                                        UNKNOWN            UNKNOWN
A_CODE_OF_TOMORROW                               UNKNOWN            UNKNOWN
"""
ROWS = [tuple(line.split()) for line in CODES.strip().splitlines()]
BY_OPERATION = [(code, CONFIRM, kind) for code, kind, _ in ROWS] + [(code, CANCEL, kind) for code, _, kind in ROWS]


def refusal(code: Any, status: int, **more: Any) -> Reply:
    return Reply(status=status, content={"code": code, "message": "…"}, **more)


@pytest.mark.parametrize(("code", "verdicts", "kind"), BY_OPERATION)
def test_what_a_code_amounts_to(code: str, verdicts: Verdicts, kind: str) -> None:
    status = STATUS_OF.get(code, 400)
    fault = status >= 500 or code == "PROVIDER_ERROR"
    assert answer(refusal(code, status), verdicts) == GatewayAnswer(kind=AnswerClass(kind), code=code, fault=fault)


def test_every_code_of_the_tables_is_walked() -> None:
    walked = {code for code, _, _ in ROWS}
    listed = {code for verdicts in (CONFIRM, CANCEL) for codes in verdicts.codes.values() for code in codes}
    assert (listed | STATUS_OF.keys()) - walked == set()


@pytest.mark.parametrize("status", [400, 410, 403])
def test_the_code_counts_and_not_its_status(status: int) -> None:
    assert answer(refusal("NOT_FOUND_PAYMENT_SESSION", status), CONFIRM).kind is AnswerClass.SESSION_EXPIRED


@pytest.mark.parametrize("status", [200, 302, 500, 502, 503])
@pytest.mark.parametrize(
    ("code", "verdicts"),
    [
        ("REJECT_CARD_PAYMENT", CONFIRM),
        ("NOT_FOUND_PAYMENT_SESSION", CONFIRM),
        ("INVALID_REQUEST", CONFIRM),
        ("NOT_CANCELABLE_PAYMENT", CANCEL),
        ("UNAUTHORIZED_KEY", CANCEL),
    ],
)
def test_a_final_no_is_believed_with_a_4xx_only(status: int, code: str, verdicts: Verdicts) -> None:
    assert answer(refusal(code, status), verdicts).kind is AnswerClass.UNKNOWN


@pytest.mark.parametrize("verdicts", [CONFIRM, CANCEL])
def test_too_many_requests_are_told_by_the_status_where_there_is_no_code(verdicts: Verdicts) -> None:
    later = GatewayAnswer(kind=AnswerClass.RETRY_LATER, retry_after=7.0, fault=True)
    assert answer(Reply(status=429, content=None, retry_after=7.0), verdicts) == later
    assert answer(refusal("IDEMPOTENT_REQUEST_PROCESSING", 429), verdicts).kind is AnswerClass.RETRY_SAME_KEY


@pytest.mark.parametrize("verdicts", [CONFIRM, CANCEL])
@pytest.mark.parametrize("status", [200, 201, 301, 400, 403, 404, 500, 502, 503, 504])
@pytest.mark.parametrize("content", [None, {}, {"code": None}, {"code": 7}, {"code": ["REJECT_CARD_PAYMENT"]}, {"code": "reject card\n"}])
def test_an_answer_of_another_shape_decides_nothing(status: int, content: Any, verdicts: Verdicts) -> None:
    reply = Reply(status=status, content=content)
    assert answer(reply, verdicts) == GatewayAnswer(kind=AnswerClass.UNKNOWN, fault=status >= 500)


@pytest.mark.parametrize("verdicts", [CONFIRM, CANCEL])
@pytest.mark.parametrize(
    ("left", "ours", "kind", "fault"),
    [
        (True, False, AnswerClass.UNKNOWN, True),
        (False, False, AnswerClass.RETRY_SAME_KEY, True),
        (False, True, AnswerClass.RETRY_SAME_KEY, False),
    ],
)
def test_no_answer_is_unknown_if_anything_has_left(verdicts: Verdicts, left: bool, ours: bool, kind: AnswerClass, fault: bool) -> None:
    assert answer(NoReply(left=left, ours=ours, cause=OSError()), verdicts) == GatewayAnswer(kind=kind, fault=fault)


PAYMENT = {"orderId": "order-1", "paymentKey": "key", "status": "DONE", "totalAmount": 50_000, "currency": "KRW", "cancels": None}


def test_a_payment_is_stated() -> None:
    stated = answer(Reply(status=200, content=PAYMENT | {"a field of tomorrow": {}}), CONFIRM)
    payment = GatewayPayment(
        order_id="order-1", payment_key="key", status=GatewayStatus.DONE, amount=Won(50_000), currency="KRW", cancelled_amount=Won(0)
    )
    assert stated == GatewayAnswer(kind=AnswerClass.STATED, payment=payment)


@pytest.mark.parametrize(("status", "read"), STATUSES.items())
def test_statuses(status: str, read: GatewayStatus) -> None:
    assert read_payment(PAYMENT | {"status": status}).status is read


@pytest.mark.parametrize("amount", ["50000", 50_000.0, "50000.00", "5e4", " 50000 "])
def test_an_amount_may_be_a_number_or_a_text(amount: object) -> None:
    assert read_payment(PAYMENT | {"totalAmount": amount}).amount == 50_000


@pytest.mark.parametrize(
    "amount",
    [None, "", "x", True, [50_000], {}, -1, "-1", 0.5, "0.5", float("nan"), float("inf"), "NaN", "Infinity", "1e999999999", 10**15],
)
def test_anything_else_is_no_amount(amount: object) -> None:
    with pytest.raises(Unreadable, match="totalAmount"):
        read_payment(PAYMENT | {"totalAmount": amount})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("orderId", None),
        ("orderId", 7),
        ("orderId", ""),
        ("paymentKey", None),
        ("status", None),
        ("status", "A_STATUS_OF_TOMORROW"),
        ("status", ["DONE"]),
        ("currency", None),
        ("cancels", {}),
        ("cancels", ["x"]),
        ("cancels", [{"cancelAmount": "x"}]),
    ],
)
def test_what_cannot_be_read_decides_nothing(field: str, value: object) -> None:
    broken = PAYMENT | {field: value}
    with pytest.raises(Unreadable):
        read_payment(broken)
    assert answer(Reply(status=200, content=broken), CONFIRM) == GatewayAnswer(kind=AnswerClass.UNKNOWN)
    assert answer(Reply(status=200, content=broken), CANCEL) == GatewayAnswer(kind=AnswerClass.UNKNOWN)


def test_given_back_is_what_was_given_back_for_good() -> None:
    cancels = [
        {"cancelAmount": 10_000},
        {"cancelAmount": "20000", "cancelStatus": "DONE"},
        {"cancelAmount": 20_000, "cancelStatus": "IN_PROGRESS"},
        {"cancelAmount": 20_000, "cancelStatus": "ABORTED"},
    ]
    assert read_payment(PAYMENT | {"status": "PARTIAL_CANCELED", "cancels": cancels}).cancelled_amount == 30_000


@pytest.mark.parametrize(("failure", "code"), [({"code": "EXPIRED_PAYMENT"}, "EXPIRED_PAYMENT"), (None, None), ({}, None), ("x", None)])
def test_the_failure(failure: object, code: str | None) -> None:
    assert read_payment(PAYMENT | {"status": "EXPIRED", "failure": failure}).failure_code == code


def test_payment_keys_are_not_printed() -> None:
    assert "key" not in repr(read_payment(PAYMENT)).replace("payment_key", "")


@pytest.mark.parametrize("body", [None, b"", b"<html>", b"[]", b"7", b"\xff\xfe", b'{"a":', b"[" * 100_000, b"9" * 10_000])
def test_what_is_no_object(body: bytes | None) -> None:
    assert read_object(body) is None


def test_an_object() -> None:
    assert read_object(json.dumps(PAYMENT).encode()) == PAYMENT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "9" * 400}, LONGEST_RETRY_AFTER),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 01 May 2030 11:00:30 GMT", "Date": "Wed, 01 May 2030 11:00:00 GMT"}, 30.0),
        ({"Retry-After": "Wed, 01 May 2030 10:59:00 GMT", "Date": "Wed, 01 May 2030 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 01 May 2030 11:00:30 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(httpx.Headers(headers)) == seconds
