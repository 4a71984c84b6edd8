"""The look-alike itself: what tests of everything else will rely on."""

import asyncio
import os
import signal
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from adapters.toss.gateway import TossPaymentGateway
from application.ports.payment_gateway import AnswerClass, GatewayStatus
from entrypoints.simulators.toss import create_toss_app
from tests.adapters.toss.conftest import ORDER, SECRET, Receiver, Simulator, Time, cancellation, confirmation, gateway_at, serving
from tests.servers.ports import free_port

CONFIRM = "/v1/payments/confirm"


async def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def body(payment_key: str, **changes: object) -> dict[str, object]:
    return {"paymentKey": payment_key, "orderId": ORDER, "amount": 50_000, **changes}


class TestIdempotency:
    async def test_the_first_answer_is_the_answer_errors_included(self, simulator: Simulator) -> None:
        key = await simulator.checkout()
        await simulator.set("refuse", code="FAILED_INTERNAL_SYSTEM_PROCESSING")
        first = await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")
        again = await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")
        assert await code_of(first) == await code_of(again) == (500, "FAILED_INTERNAL_SYSTEM_PROCESSING")
        assert (await simulator.call("POST", CONFIRM, body(key), idempotency_key="l")).json()["status"] == "DONE"

    async def test_a_fault_that_is_not_kept(self, simulator: Simulator) -> None:
        key = await simulator.checkout()
        await simulator.set("refuse", code="MAINTAINED_METHOD", kept=False)
        assert await code_of(await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")) == (400, "MAINTAINED_METHOD")
        assert (await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")).json()["status"] == "DONE"

    async def test_replayed_word_for_word_whatever_the_body(self, simulator: Simulator) -> None:
        key = await simulator.checkout()
        first = await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")
        again = await simulator.call("POST", CONFIRM, body(key, amount=1), idempotency_key="k")
        assert (again.status_code, again.content) == (200, first.content)

    async def test_in_flight(self, simulator: Simulator) -> None:
        key = await simulator.checkout()
        await simulator.set("delay", seconds=0.5)
        running = asyncio.create_task(simulator.call("POST", CONFIRM, body(key), idempotency_key="k"))
        await asyncio.sleep(0.1)
        same, other = [await simulator.call("POST", CONFIRM, body(key), idempotency_key=name) for name in ("k", "l")]
        assert await code_of(same) == (409, "IDEMPOTENT_REQUEST_PROCESSING")
        assert await code_of(other) == (400, "ALREADY_PROCESSING_REQUEST")
        assert (await running).json()["status"] == "DONE"
        assert (await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")).json()["status"] == "DONE"
        # Kept under the other key for good, as it was seen in the wild: only a look-up ends that.
        assert await code_of(await simulator.call("POST", CONFIRM, body(key), idempotency_key="l")) == (400, "ALREADY_PROCESSING_REQUEST")

    async def test_a_key_lives_fifteen_days(self, simulator: Simulator, time: Time) -> None:
        key = await simulator.checkout()
        await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")
        time.passes(days=15, seconds=-1)
        assert (await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")).json()["status"] == "DONE"
        time.passes(seconds=1)
        assert await code_of(await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")) == (400, "ALREADY_PROCESSED_PAYMENT")

    async def test_a_key_is_one_of_an_address(self, simulator: Simulator) -> None:
        key = await simulator.checkout()
        await simulator.call("POST", CONFIRM, body(key), idempotency_key="k")
        cancelled = await simulator.call("POST", f"/v1/payments/{key}/cancel", {"cancelReason": "x"}, idempotency_key="k")
        assert cancelled.json()["status"] == "CANCELED"

    @pytest.mark.parametrize("length", [0, 301])
    async def test_its_length(self, simulator: Simulator, length: int) -> None:
        answer = await simulator.call("POST", CONFIRM, body(await simulator.checkout()), idempotency_key="k" * length)
        assert await code_of(answer) == (400, "INVALID_IDEMPOTENCY_KEY")


class TestPayments:
    async def test_it_expires_after_ten_minutes(self, simulator: Simulator, gateway: TossPaymentGateway, time: Time) -> None:
        key = await simulator.checkout()
        time.passes(minutes=10)
        assert await code_of(await simulator.call("POST", CONFIRM, body(key))) == (404, "NOT_FOUND_PAYMENT_SESSION")
        payment = await gateway.look_up(ORDER)
        assert payment is not None
        assert (payment.status, payment.failure_code) == (GatewayStatus.EXPIRED, "EXPIRED_PAYMENT")

    async def test_just_in_time(self, simulator: Simulator, time: Time) -> None:
        key = await simulator.checkout()
        time.passes(minutes=10, seconds=-1)
        assert (await simulator.call("POST", CONFIRM, body(key))).json()["status"] == "DONE"

    async def test_the_clock_can_be_put_forward_over_http(self, simulator: Simulator) -> None:
        key = await simulator.checkout()
        assert await simulator.post("clock", {"advance_seconds": 600}) == {"now": "2030-05-01T11:10:00+00:00"}
        assert await code_of(await simulator.call("POST", CONFIRM, body(key))) == (404, "NOT_FOUND_PAYMENT_SESSION")

    async def test_a_fan_who_has_not_signed_yet(self, simulator: Simulator, time: Time) -> None:
        key = await simulator.checkout(authenticated=False)
        assert await code_of(await simulator.call("POST", CONFIRM, body(key))) == (404, "NOT_FOUND_PAYMENT_SESSION")
        assert await simulator.charges() == [(ORDER, "READY", 50_000, 0)]
        time.passes(minutes=30)
        assert await simulator.charges() == [(ORDER, "EXPIRED", 50_000, 0)]

    async def test_two_cards_for_one_order(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        first, second = await simulator.checkout(), await simulator.checkout()
        await gateway.confirm(confirmation(first))
        assert (await gateway.confirm(confirmation(second, key="confirm:2"))).code == "DUPLICATED_ORDER_ID"
        found = await gateway.look_up(ORDER)
        assert found is not None
        assert (found.payment_key, found.status) == (first, GatewayStatus.DONE)
        assert await simulator.charges() == [(ORDER, "DONE", 50_000, 50_000), (ORDER, "IN_PROGRESS", 50_000, 0)]

    async def test_a_declined_key_is_spent(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        key = await simulator.checkout(decline="REJECT_CARD_PAYMENT")
        for _ in range(2):
            assert (await gateway.confirm(confirmation(key))).kind is AnswerClass.DECLINED
        assert (await gateway.confirm(confirmation(key, key="confirm:2"))).code == "NOT_FOUND_PAYMENT_SESSION"

    async def test_below_the_minimum(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        key = await simulator.checkout(amount=99)
        assert (await gateway.confirm(confirmation(key, amount=99))).code == "BELOW_MINIMUM_AMOUNT"

    async def test_a_part_and_then_too_much(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        key = await simulator.checkout()
        await gateway.confirm(confirmation(key))
        part = await gateway.cancel(cancellation(key, amount=20_000))
        assert part.payment is not None
        assert (part.payment.status, part.payment.cancelled_amount) == (GatewayStatus.PARTIAL_CANCELED, 20_000)
        assert (await gateway.cancel(cancellation(key, amount=30_001, key="cancel:2"))).code == "NOT_CANCELABLE_AMOUNT"
        assert (await gateway.cancel(cancellation(key, amount=30_000, key="cancel:3"))).kind is AnswerClass.STATED
        assert (await simulator.get("payments.json"))["totals"]["refundedWon"] == 50_000

    async def test_nothing_to_cancel(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        key = await simulator.checkout()
        assert (await gateway.cancel(cancellation(key))).code == "NOT_CANCELABLE_PAYMENT"
        assert (await gateway.cancel(cancellation("unheard-of"))).code == "NOT_FOUND_PAYMENT"

    async def test_by_its_key(self, simulator: Simulator) -> None:
        key = await simulator.checkout()
        assert (await simulator.call("GET", f"/v1/payments/{key}")).json()["orderId"] == ORDER
        assert await code_of(await simulator.call("GET", "/v1/payments/unheard-of")) == (404, "NOT_FOUND_PAYMENT")

    async def test_the_list_is_read_in_pages(self, simulator: Simulator) -> None:
        for number in range(5):
            await simulator.checkout(f"order-00000{number}")
        pages: list[list[str]] = []
        page: dict[str, Any] = {"next": 0}
        while page["next"] is not None:
            page = await simulator.get("payments.json", limit=2, after=page["next"])
            pages.append([one["orderId"] for one in page["payments"]])
        assert pages == [["order-000000", "order-000001"], ["order-000002", "order-000003"], ["order-000004"]]
        assert len((await simulator.get("payments.json", order_id="order-000003"))["payments"]) == 1
        assert (await simulator.get("payments.json", status="DONE"))["payments"] == []


class TestTheDoor:
    @pytest.mark.parametrize(
        ("authorization", "status", "code"),
        [
            ("", 403, "INCORRECT_BASIC_AUTH_FORMAT"),
            (f"Basic {b64encode(SECRET.encode()).decode()}", 403, "INCORRECT_BASIC_AUTH_FORMAT"),
            (f"Basic {b64encode(b'test_sk_another:').decode()}", 401, "UNAUTHORIZED_KEY"),
        ],
    )
    async def test_keys(self, simulator: Simulator, authorization: str, status: int, code: str) -> None:
        key = await simulator.checkout()
        answer = await simulator.call("POST", CONFIRM, body(key), authorization=authorization)
        assert await code_of(answer) == (status, code)
        assert await simulator.charges() == [(ORDER, "IN_PROGRESS", 50_000, 0)]

    async def test_ordered_errors(self, simulator: Simulator) -> None:
        key = await simulator.checkout()
        ordered = await simulator.call("POST", CONFIRM, body(key), TossPayments_Test_Code="REJECT_CARD_COMPANY")
        assert await code_of(ordered) == (403, "REJECT_CARD_COMPANY")
        unheard = await simulator.call("POST", CONFIRM, body(key), TossPayments_Test_Code="UNHEARD_OF")
        assert await code_of(unheard) == (400, "INVALID_TEST_CODE")
        assert await simulator.charges() == [(ORDER, "IN_PROGRESS", 50_000, 0)]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"paymentKey": ""}, "INVALID_REQUEST"),
            ({"paymentKey": None}, "INVALID_REQUEST"),
            ({"amount": "x"}, "INVALID_REQUEST"),
            ({"amount": 0}, "INVALID_REQUEST"),
            ({"amount": 0.5}, "INVALID_REQUEST"),
            ({"orderId": "short"}, "INVALID_ORDER_ID"),
            ({"orderId": "order-000002"}, "INVALID_REQUEST"),
            ({"paymentKey": "unheard-of"}, "NOT_FOUND_PAYMENT"),
        ],
    )
    async def test_bodies(self, simulator: Simulator, changes: dict[str, object], code: str) -> None:
        answer = await simulator.call("POST", CONFIRM, body(await simulator.checkout(), **changes))
        assert answer.json()["code"] == code
        assert await simulator.charges() == [(ORDER, "IN_PROGRESS", 50_000, 0)]

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            ("faults", {"kind": "unheard-of"}),
            ("faults", {"kind": "refuse", "cod": "X"}),
            ("webhook", {"order": "sideways"}),
            ("webhook", {"url": 7}),
            ("webhook", {"copies": 0}),
            ("checkout", {"orderId": "short", "amount": 1}),
            ("checkout", {"orderId": ORDER, "amount": "1"}),
            ("clock", {"advance_seconds": "x"}),
        ],
    )
    async def test_switches_that_do_not_exist(self, simulator: Simulator, name: str, given: object) -> None:
        assert (await simulator.call("POST", f"/simulator/toss/{name}", given)).status_code == 400


class TestFaults:
    async def test_of_one_order_only_and_a_number_of_times(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        key, other = await simulator.checkout(), await simulator.checkout("order-000002")
        await simulator.set("limit", order_id=ORDER, times=2, seconds=3)
        assert (await gateway.confirm(confirmation(other, order_id="order-000002", key="confirm:2"))).kind is AnswerClass.STATED
        kinds = [(await gateway.confirm(confirmation(key))).kind for _ in range(3)]
        assert kinds == [AnswerClass.RETRY_LATER, AnswerClass.RETRY_LATER, AnswerClass.STATED]

    async def test_until_it_is_taken_away(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        key = await simulator.checkout()
        await gateway.confirm(confirmation(key))
        await simulator.set("error", operation="cancel", times=None, order_id=ORDER)
        for _ in range(3):
            assert (await gateway.cancel(cancellation(key))).kind is AnswerClass.UNKNOWN
        assert (await simulator.get("faults"))["faults"][0]["times"] is None
        await simulator.call("DELETE", "/simulator/toss/faults")
        assert (await gateway.cancel(cancellation(key))).kind is AnswerClass.STATED


class TestWebhooks:
    async def test_word_of_each_change(self, simulator: Simulator, gateway: TossPaymentGateway, receiver: Receiver) -> None:
        await simulator.post("webhook", {"url": receiver.url})
        key = await simulator.checkout()
        await gateway.confirm(confirmation(key))
        await receiver.has(1)
        await gateway.cancel(cancellation(key))
        await receiver.has(2)
        assert [word[:3] for word in receiver.got] == [(ORDER, "DONE", 0), (ORDER, "CANCELED", 0)]

    async def test_nobody_is_told_of_what_did_not_happen(
        self, simulator: Simulator, gateway: TossPaymentGateway, receiver: Receiver
    ) -> None:
        await simulator.post("webhook", {"url": receiver.url})
        key = await simulator.checkout()
        await simulator.set("refuse")
        await gateway.confirm(confirmation(key))
        assert (await simulator.get("webhooks.json"))["webhooks"] == []

    async def test_of_an_end_without_a_request(self, simulator: Simulator, receiver: Receiver, time: Time) -> None:
        await simulator.post("webhook", {"url": receiver.url})
        await simulator.checkout()
        time.passes(minutes=10)
        await simulator.post("clock", {"advance_seconds": 0})
        await receiver.has(1)
        assert receiver.got[0][:2] == (ORDER, "EXPIRED")

    async def test_before_the_reply(self, simulator: Simulator, gateway: TossPaymentGateway, receiver: Receiver) -> None:
        await simulator.post("webhook", {"url": receiver.url, "before_reply": True})
        await simulator.set("drop-reply")
        key = await simulator.checkout()
        await gateway.confirm(confirmation(key))
        assert [word[:2] for word in receiver.got] == [(ORDER, "DONE")]

    async def test_twice(self, simulator: Simulator, gateway: TossPaymentGateway, receiver: Receiver) -> None:
        await simulator.post("webhook", {"url": receiver.url, "copies": 2})
        await gateway.confirm(confirmation(await simulator.checkout()))
        await receiver.has(2)
        assert [word[2] for word in receiver.got] == [0, 1]
        assert len({word[3] for word in receiver.got}) == 1

    async def test_out_of_order(self, simulator: Simulator, gateway: TossPaymentGateway, receiver: Receiver, time: Time) -> None:
        await simulator.post("webhook", {"url": receiver.url, "order": "reversed"})
        key = await simulator.checkout()
        await gateway.confirm(confirmation(key))
        await asyncio.sleep(0.1)
        assert receiver.got == []
        await gateway.cancel(cancellation(key))
        time.passes(seconds=1)
        await receiver.has(2)
        assert [word[1] for word in receiver.got] == ["CANCELED", "DONE"]

    async def test_late(self, simulator: Simulator, gateway: TossPaymentGateway, receiver: Receiver) -> None:
        await simulator.post("webhook", {"url": receiver.url, "delay_seconds": 30})
        await gateway.confirm(confirmation(await simulator.checkout()))
        await asyncio.sleep(0.1)
        assert receiver.got == []
        await simulator.post("clock", {"advance_seconds": 30})
        await receiver.has(1)

    async def test_again_until_it_is_taken(self, simulator: Simulator, gateway: TossPaymentGateway, receiver: Receiver) -> None:
        receiver.answers = [500, 204]
        await simulator.post("webhook", {"url": receiver.url})
        await gateway.confirm(confirmation(await simulator.checkout()))
        await receiver.has(1)
        for minutes, count in ((1, 2), (4, 3)):
            await simulator.post("clock", {"advance_seconds": 60 * minutes})
            await receiver.has(count)
        assert [word[2] for word in receiver.got] == [0, 1, 2]
        assert len({word[3] for word in receiver.got}) == 1
        assert await simulator.statuses("DELIVERED") == [500, 204, 200]

    async def test_given_up_after_the_last_gap(self, simulator: Simulator, gateway: TossPaymentGateway) -> None:
        await simulator.post("webhook", {"url": f"http://127.0.0.1:{free_port()}/webhook", "resend_seconds": [0, 0], "before_reply": True})
        await gateway.confirm(confirmation(await simulator.checkout()))
        assert await simulator.statuses("FAILED") == [None, None, None]


async def test_mounted_beside_something_else(tmp_path: Path, receiver: Receiver) -> None:
    """A mounted application has no lifespan of its own."""
    toss = create_toss_app(tmp_path / "toss.sqlite3", secret_key=SECRET)
    async with serving(Starlette(routes=[Mount("/providers", toss)])) as url:
        simulator, gateway = Simulator(f"{url}/providers"), gateway_at(f"{url}/providers")
        await simulator.post("webhook", {"url": receiver.url})
        key = await simulator.checkout()
        assert (await gateway.confirm(confirmation(key))).kind is AnswerClass.STATED
        assert (await gateway.cancel(cancellation(key))).kind is AnswerClass.STATED
        await receiver.has(2)
        await gateway.close()
        await simulator.close()
        await toss.state.close()


MAIN = """
import sys, uvicorn
from pathlib import Path
from typing import Any
from entrypoints.simulators.toss import create_toss_app
uvicorn.run(create_toss_app(Path(sys.argv[1]), secret_key="test_sk_simulated"), port=int(sys.argv[2]), log_level="critical")
"""


async def test_it_survives_a_kill(tmp_path: Path) -> None:
    """What it had done stays done, and its first answer the answer; what it had not, was not."""
    port = free_port()
    simulator, gateway = Simulator(f"http://127.0.0.1:{port}"), gateway_at(f"http://127.0.0.1:{port}", read_seconds=10, total_seconds=11)

    async def start() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", MAIN, str(tmp_path / "toss.sqlite3"), str(port))
        async with asyncio.timeout(20):
            while True:
                try:
                    await simulator.get("requests.json")
                    return process
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def kill(process: asyncio.subprocess.Process) -> None:
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()

    process = await start()
    try:
        done, undone = await simulator.checkout(), await simulator.checkout("order-000002")
        await simulator.set("delay-reply", seconds=60)
        await simulator.set("delay", seconds=60, order_id="order-000002")
        requests = [confirmation(done), confirmation(undone, order_id="order-000002", key="confirm:2")]
        confirming = [asyncio.create_task(gateway.confirm(request)) for request in requests[:1]]
        await asyncio.sleep(0.2)
        confirming.append(asyncio.create_task(gateway.confirm(requests[1])))
        await asyncio.sleep(0.3)
        await kill(process)
        assert [answer.kind for answer in await asyncio.gather(*confirming)] == [AnswerClass.UNKNOWN] * 2
        process = await start()
        assert await simulator.charges() == [(ORDER, "DONE", 50_000, 50_000), ("order-000002", "IN_PROGRESS", 50_000, 0)]
        assert [(await gateway.confirm(request)).kind for request in requests] == [AnswerClass.STATED] * 2
        assert (await simulator.get("payments.json"))["totals"]["charges"] == 2
    finally:
        await kill(process)
        await simulator.close()
        await gateway.close()
