"""The gateway against the simulator: each fault of the other side, over real HTTP."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from adapters.toss.gateway import TossPaymentGateway
from application.ports.payment_gateway import AnswerClass, GatewayAnswer, GatewayPayment, GatewayStatus, PaymentGateway
from domain.errors import GatewayUnavailable
from domain.money import Won
from tests.adapters.toss.conftest import ORDER, SECRET, Simulator, cancellation, confirmation, gateway_at, misbehaving
from tests.servers.ports import free_port

DONE = (ORDER, "DONE", 50_000, 50_000)
OPEN = (ORDER, "IN_PROGRESS", 50_000, 0)
CANCELED = (ORDER, "CANCELED", 50_000, 0)


def stated(payment_key: str, status: GatewayStatus, cancelled: int = 0) -> GatewayPayment:
    return GatewayPayment(
        order_id=ORDER,
        payment_key=payment_key,
        status=status,
        amount=Won(50_000),
        currency="KRW",
        cancelled_amount=Won(cancelled),
    )


def test_it_is_a_payment_gateway() -> None:
    gateway: PaymentGateway = gateway_at("http://127.0.0.1:1")
    assert isinstance(gateway, TossPaymentGateway)


async def test_a_confirmed_payment(simulator: Simulator, gateway: TossPaymentGateway) -> None:
    key = await simulator.checkout()
    assert await gateway.confirm(confirmation(key)) == GatewayAnswer(kind=AnswerClass.STATED, payment=stated(key, GatewayStatus.DONE))
    assert await gateway.look_up(ORDER) == stated(key, GatewayStatus.DONE)
    assert await simulator.charges() == [DONE]


async def test_a_cancelled_payment(simulator: Simulator, gateway: TossPaymentGateway) -> None:
    key = await simulator.checkout()
    await gateway.confirm(confirmation(key))
    cancelled = stated(key, GatewayStatus.CANCELED, cancelled=50_000)
    assert await gateway.cancel(cancellation(key, reason="취" * 300)) == GatewayAnswer(kind=AnswerClass.STATED, payment=cancelled)
    assert await gateway.look_up(ORDER) == cancelled
    assert await simulator.charges() == [CANCELED]


async def test_nobody_knows_the_order(gateway: TossPaymentGateway) -> None:
    assert await gateway.look_up("order-999999") is None


async def test_an_open_payment_is_open(simulator: Simulator, gateway: TossPaymentGateway) -> None:
    key = await simulator.checkout()
    assert await gateway.look_up(ORDER) == stated(key, GatewayStatus.OPEN)


async def test_processed_and_the_reply_dropped(simulator: Simulator, gateway: TossPaymentGateway) -> None:
    key = await simulator.checkout()
    await simulator.set("drop-reply")
    assert await gateway.confirm(confirmation(key)) == GatewayAnswer(kind=AnswerClass.UNKNOWN, fault=True)
    assert await gateway.look_up(ORDER) == stated(key, GatewayStatus.DONE)
    again = await gateway.confirm(confirmation(key))
    assert again == GatewayAnswer(kind=AnswerClass.STATED, payment=stated(key, GatewayStatus.DONE))
    other_key = await gateway.confirm(confirmation(key, key="confirm:2"))
    assert other_key == GatewayAnswer(kind=AnswerClass.ALREADY_PROCESSED, code="ALREADY_PROCESSED_PAYMENT")
    assert await simulator.charges() == [DONE]
    assert (await simulator.get("payments.json"))["totals"]["charges"] == 1


async def test_a_cancel_processed_and_the_reply_dropped(simulator: Simulator, gateway: TossPaymentGateway) -> None:
    key = await simulator.checkout()
    await gateway.confirm(confirmation(key))
    await simulator.set("drop-reply", operation="cancel")
    assert await gateway.cancel(cancellation(key)) == GatewayAnswer(kind=AnswerClass.UNKNOWN, fault=True)
    cancelled = stated(key, GatewayStatus.CANCELED, cancelled=50_000)
    assert await gateway.look_up(ORDER) == cancelled
    assert await gateway.cancel(cancellation(key)) == GatewayAnswer(kind=AnswerClass.STATED, payment=cancelled)
    other_key = await gateway.cancel(cancellation(key, key="cancel:2"))
    assert other_key == GatewayAnswer(kind=AnswerClass.ALREADY_PROCESSED, code="ALREADY_CANCELED_PAYMENT")
    assert (await simulator.get("payments.json"))["totals"] == {
        "charges": 1,
        "standing": 0,
        "chargedWon": 50_000,
        "refundedWon": 50_000,
        "standingWon": 0,
    }


# Fault, the answer's class, its code, retry-after, a fault of the gateway, and where the payment stands afterwards.
FAULTS: list[tuple[dict[str, Any], AnswerClass, str | None, float | None, bool, tuple[str, str, int, int]]] = [
    ({"kind": "drop-request"}, AnswerClass.UNKNOWN, None, None, True, OPEN),
    ({"kind": "error"}, AnswerClass.UNKNOWN, None, None, True, OPEN),
    ({"kind": "error", "status": 404}, AnswerClass.UNKNOWN, None, None, False, OPEN),
    ({"kind": "error-reply"}, AnswerClass.UNKNOWN, None, None, True, DONE),
    ({"kind": "limit", "seconds": 7}, AnswerClass.RETRY_LATER, None, 7.0, True, OPEN),
    ({"kind": "delay-reply", "seconds": 2}, AnswerClass.UNKNOWN, None, None, True, DONE),
    ({"kind": "refuse", "code": "REJECT_CARD_PAYMENT"}, AnswerClass.DECLINED, "REJECT_CARD_PAYMENT", None, False, OPEN),
    ({"kind": "refuse", "code": "PROVIDER_ERROR"}, AnswerClass.UNKNOWN, "PROVIDER_ERROR", None, True, OPEN),
    ({"kind": "refuse", "code": "A_CODE_OF_TOMORROW"}, AnswerClass.UNKNOWN, "A_CODE_OF_TOMORROW", None, False, OPEN),
    ({"kind": "refuse", "code": "MAINTAINED_METHOD"}, AnswerClass.RETRY_LATER, "MAINTAINED_METHOD", None, False, OPEN),
    ({"kind": "refuse", "code": "REJECT_CARD_PAYMENT", "status": 502}, AnswerClass.UNKNOWN, "REJECT_CARD_PAYMENT", None, True, OPEN),
    ({"kind": "refuse-reply", "code": "COMMON_ERROR"}, AnswerClass.UNKNOWN, "COMMON_ERROR", None, True, DONE),
]


@pytest.mark.parametrize(("fault", "kind", "code", "retry_after", "unwell", "stands"), FAULTS)
async def test_faults(
    simulator: Simulator,
    fault: dict[str, Any],
    kind: AnswerClass,
    code: str | None,
    retry_after: float | None,
    unwell: bool,
    stands: tuple[str, str, int, int],
) -> None:
    gateway = gateway_at(simulator.url, read_seconds=0.3)
    key = await simulator.checkout()
    await simulator.set(**fault)
    answered = await gateway.confirm(confirmation(key))
    assert answered == GatewayAnswer(kind=kind, code=code, retry_after=retry_after, fault=unwell)
    assert await simulator.charges() == [stands]
    await gateway.close()


async def test_a_declined_card(simulator: Simulator, gateway: TossPaymentGateway) -> None:
    key = await simulator.checkout(decline="REJECT_CARD_COMPANY")
    assert await gateway.confirm(confirmation(key)) == GatewayAnswer(kind=AnswerClass.DECLINED, code="REJECT_CARD_COMPANY")
    payment = await gateway.look_up(ORDER)
    assert payment is not None
    assert (payment.status, payment.failure_code) == (GatewayStatus.ABORTED, "REJECT_CARD_COMPANY")


async def test_a_cancel_refused_for_good(simulator: Simulator, gateway: TossPaymentGateway) -> None:
    key = await simulator.checkout(refuseCancel="NOT_CANCELABLE_PAYMENT")
    await gateway.confirm(confirmation(key))
    assert await gateway.cancel(cancellation(key)) == GatewayAnswer(kind=AnswerClass.REFUSED_FOR_GOOD, code="NOT_CANCELABLE_PAYMENT")
    assert await simulator.charges() == [DONE]


@pytest.mark.parametrize("amount", [49_999, 50_001])
async def test_another_amount_is_not_charged(simulator: Simulator, gateway: TossPaymentGateway, amount: int) -> None:
    key = await simulator.checkout()
    assert await gateway.confirm(confirmation(key, amount=amount)) == GatewayAnswer(kind=AnswerClass.OUR_FAULT, code="INVALID_REQUEST")
    assert await simulator.charges() == [OPEN]


async def test_a_confirm_that_hangs_does_not_hold_up_look_ups(simulator: Simulator) -> None:
    gateway = gateway_at(simulator.url, connections=1)
    key = await simulator.checkout()
    await simulator.set("delay", seconds=0.5)
    confirming = asyncio.create_task(gateway.confirm(confirmation(key)))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(0.3):
        assert await gateway.look_up(ORDER) == stated(key, GatewayStatus.OPEN)
    assert (await confirming).kind is AnswerClass.STATED
    await gateway.close()


async def test_no_connection_free_means_that_nothing_left(simulator: Simulator) -> None:
    gateway = gateway_at(simulator.url, connections=1, connect_seconds=0.2)
    key = await simulator.checkout()
    await simulator.set("delay", seconds=0.8)
    confirming = asyncio.create_task(gateway.confirm(confirmation(key)))
    await asyncio.sleep(0.1)
    second = await gateway.confirm(confirmation("another", order_id="order-000002"))
    assert second == GatewayAnswer(kind=AnswerClass.RETRY_SAME_KEY, fault=False)
    assert (await confirming).kind is AnswerClass.STATED
    assert (await simulator.get("requests.json"))["confirm"] == 1
    await gateway.close()


class TestRequestsThatCannotBeRight:
    """Answered without asking: a payment key is the client's word, and would become a part of the address."""

    @pytest.mark.parametrize("payment_key", ["", "..", "a/b", "a?b", "a%2Fb", "키", "a b", "x" * 201, "a\n"])
    async def test_payment_keys(self, simulator: Simulator, gateway: TossPaymentGateway, payment_key: str) -> None:
        assert await gateway.confirm(confirmation(payment_key)) == GatewayAnswer(
            kind=AnswerClass.SESSION_EXPIRED, code="INVALID_PAYMENT_KEY"
        )
        assert await gateway.cancel(cancellation(payment_key)) == GatewayAnswer(kind=AnswerClass.OUR_FAULT, code="INVALID_PAYMENT_KEY")
        assert await simulator.get("requests.json") == {}

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"key": "k" * 301}, "INVALID_IDEMPOTENCY_KEY"),
            ({"key": "a\nb"}, "INVALID_IDEMPOTENCY_KEY"),
            ({"key": ""}, "INVALID_IDEMPOTENCY_KEY"),
            ({"order_id": "short"}, "INVALID_ORDER_ID"),
            ({"order_id": "order/000001"}, "INVALID_ORDER_ID"),
        ],
    )
    async def test_keys_and_orders(self, simulator: Simulator, gateway: TossPaymentGateway, change: dict[str, Any], code: str) -> None:
        assert await gateway.confirm(confirmation("key", **change)) == GatewayAnswer(kind=AnswerClass.OUR_FAULT, code=code)
        assert await gateway.cancel(cancellation("key", **change)) == GatewayAnswer(kind=AnswerClass.OUR_FAULT, code=code)
        assert await simulator.get("requests.json") == {}

    async def test_an_order_that_cannot_be(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        assert await gateway.look_up("../secrets") is None
        assert await simulator.get("requests.json") == {}

    @pytest.mark.parametrize("secret", ["", "\ufefftest_sk", "a:b", "a\nb"])
    def test_secrets(self, secret: str) -> None:
        with pytest.raises(ValueError, match="secret key") as refused:
            TossPaymentGateway("http://127.0.0.1:1", secret)
        assert secret == "" or secret not in str(refused.value)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(30)


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Always something, never all of it: no read times out."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.05)


def saying(answer: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return say


def said(status: str, body: bytes, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


@pytest.mark.parametrize(
    "behave",
    [
        reset,
        silent,
        dripping,
        saying(b""),
        saying(b"not http at all\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        saying(said("200 OK", b"<html>")),
        saying(said("200 OK", b'{"status": "DONE"}')),
        saying(said("200 OK", b"\x1f\x8b broken", "Content-Encoding: gzip")),
        saying(said("302 Found", b"", "Location: http://127.0.0.1:1/elsewhere")),
        saying(said("400 Bad Request", b"[" * 300_000)),
        saying(said("404 Not Found", b"<html>")),
        saying(said("404 Not Found", b'{"code": "NOT_FOUND_MERCHANT"}')),
    ],
)
async def test_whatever_comes_back_is_not_known(behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
    async with misbehaving(behave) as url:
        gateway = gateway_at(url, read_seconds=0.3, total_seconds=0.5, look_up_seconds=0.5)
        confirmed = await gateway.confirm(confirmation("key"))
        if confirmed.code == "NOT_FOUND_MERCHANT":
            assert confirmed.kind is AnswerClass.OUR_FAULT
        else:
            assert (confirmed.kind, confirmed.payment) == (AnswerClass.UNKNOWN, None)
        with pytest.raises(GatewayUnavailable):
            await gateway.look_up(ORDER)
        await gateway.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://no-such-host.invalid"])
async def test_nobody_there_means_that_nothing_left(url: str) -> None:
    gateway = gateway_at(url.format(port=free_port()))
    assert await gateway.confirm(confirmation("key")) == GatewayAnswer(kind=AnswerClass.RETRY_SAME_KEY, fault=True)
    assert await gateway.cancel(cancellation("key")) == GatewayAnswer(kind=AnswerClass.RETRY_SAME_KEY, fault=True)
    with pytest.raises(GatewayUnavailable, match="ConnectError"):
        await gateway.look_up(ORDER)
    await gateway.close()


async def test_a_connection_that_never_opens_means_that_nothing_left() -> None:
    """The total deadline ends it before the connect deadline does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        await asyncio.sleep(0.1)
        gateway = gateway_at(f"http://127.0.0.1:{address[1]}", connect_seconds=5.0, total_seconds=0.4)
        assert await gateway.confirm(confirmation("key")) == GatewayAnswer(kind=AnswerClass.RETRY_SAME_KEY, fault=True)
        await gateway.close()
        for filler in fillers:
            filler.close()


class TestLookUps:
    @pytest.fixture
    async def slow(self, simulator: Simulator) -> AsyncIterator[TossPaymentGateway]:
        gateway = gateway_at(simulator.url)
        await simulator.checkout()
        await simulator.set("delay", operation="look-up", seconds=0.4)
        yield gateway
        await gateway.close()

    async def test_those_who_ask_at_once_share_a_request(self, simulator: Simulator, slow: TossPaymentGateway) -> None:
        found = await asyncio.gather(*(slow.look_up(ORDER) for _ in range(50)))
        assert {payment.order_id for payment in found if payment is not None} == {ORDER}
        assert (await simulator.get("requests.json"))["look-up"] == 1
        await slow.look_up(ORDER)
        assert (await simulator.get("requests.json"))["look-up"] == 2

    async def test_other_orders_are_other_requests(self, simulator: Simulator, slow: TossPaymentGateway) -> None:
        await asyncio.gather(slow.look_up(ORDER), slow.look_up("order-000002"))
        assert (await simulator.get("requests.json"))["look-up"] == 2

    async def test_one_who_goes_leaves_it_to_the_others(self, simulator: Simulator, slow: TossPaymentGateway) -> None:
        first, second = (asyncio.create_task(slow.look_up(ORDER)) for _ in range(2))
        await asyncio.sleep(0.1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        found = await second
        assert found is not None
        assert found.status is GatewayStatus.OPEN
        assert (await simulator.get("requests.json"))["look-up"] == 1

    async def test_each_is_told_of_a_failure_by_itself(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        await simulator.set("error", operation="look-up")
        told = await asyncio.gather(*(gateway.look_up(ORDER) for _ in range(3)), return_exceptions=True)
        assert [(type(error), str(error)) for error in told] == [(GatewayUnavailable, "HTTP 502")] * 3
        assert len({id(error) for error in told}) == 3
        assert (await simulator.get("requests.json"))["look-up"] == 1

    async def test_closing_tells_those_who_wait(self, slow: TossPaymentGateway) -> None:
        waiting = asyncio.create_task(slow.look_up(ORDER))
        await asyncio.sleep(0.1)
        await slow.close()
        with pytest.raises(GatewayUnavailable, match="closed"):
            await waiting

    async def test_a_refusal_is_no_answer(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        await simulator.checkout()
        await simulator.set("refuse", operation="look-up", code="UNAUTHORIZED_KEY")
        with pytest.raises(GatewayUnavailable, match="UNAUTHORIZED_KEY"):
            await gateway.look_up(ORDER)

    async def test_not_found_yet(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        key = await simulator.checkout()
        await gateway.confirm(confirmation(key))
        await simulator.set("refuse", operation="look-up", code="NOT_FOUND_PAYMENT")
        assert await gateway.look_up(ORDER) is None
        assert await gateway.look_up(ORDER) == stated(key, GatewayStatus.DONE)


async def test_nothing_secret_is_written_down(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    key = await simulator.checkout()
    with caplog.at_level(logging.DEBUG):
        gateway = gateway_at(simulator.url, read_seconds=0.3)
        await gateway.confirm(confirmation(key))
        await simulator.set("delay", operation="cancel", seconds=0.5)
        unknown = await gateway.cancel(cancellation(key))
        await asyncio.sleep(0.3)
        answered = await gateway.cancel(cancellation(key))
        await gateway.look_up(ORDER)
        await gateway.close()
    assert (unknown.kind, answered.kind) == (AnswerClass.UNKNOWN, AnswerClass.STATED)
    assert key not in caplog.text
    assert SECRET not in caplog.text
    assert "dGVzdF9za" not in caplog.text
    assert key not in repr((confirmation(key), cancellation(key), unknown, answered))
