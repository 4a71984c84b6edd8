"""NHN Cloud's webhook about results, from the look-alike to the queue of looks, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from application.messaging.follow_deliveries import FollowDeliveries
from application.messaging.hear_results import HearResults
from application.messaging.send_notifications import SendNotifications
from domain.errors import NotCommitted
from domain.ids import NotificationId
from domain.notification import Channel, NotificationStatus
from entrypoints.simulators.faults import FaultKind
from entrypoints.simulators.nhn_webhook import ResultWebhookSettings
from entrypoints.webhooks import ALIMTALK_PATH, LONGEST_RESULTS, MOST_RESULTS, alimtalk_webhook
from tests.adapters.notification.scene import Provided, notification
from tests.application.test_retrying import Counted, FakeTime, FullChance
from tests.fakes.notification_queue import MemoryDeliveryQueue, MemoryNotificationQueue
from tests.fakes.served import served

SECRET = "골라 둔 말"
SHOWN = {b"X-Toast-Webhook-Signature": SECRET.encode()}


class Listing:
    """The queue's method, and what was asked of it."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.asked: list[Sequence[NotificationId]] = []
        self.fault = fault

    async def hurry(self, notification_ids: Sequence[NotificationId]) -> int:
        self.asked.append(notification_ids)
        if self.fault is not None:
            raise self.fault
        return len(notification_ids)


def hearing(queue: Any, metrics: Counted | None = None) -> Starlette:
    return Starlette(routes=[alimtalk_webhook(HearResults(queue), SECRET, metrics or Counted())])


def hooks(*keys: object) -> bytes:
    return json.dumps({"event": "MESSAGE_RESULT_UPDATE", "hooks": [{"recipientGroupingKey": key} for key in keys]}).encode()


@pytest.fixture
async def listing() -> Listing:
    return Listing()


@pytest.fixture
async def caller(listing: Listing) -> AsyncIterator[httpx.AsyncClient]:
    async with served(hearing(listing)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as caller:
        yield caller


async def told(operator: httpx.AsyncClient, times: int) -> list[int | None]:
    """How the webhooks were taken, once there are so many."""
    async with asyncio.timeout(10):
        while True:
            statuses: list[int | None] = (await operator.get("/simulator/webhook")).json()["statuses"]
            if len(statuses) >= times:
                return statuses
            await asyncio.sleep(0.01)


async def test_a_result_is_asked_for_as_soon_as_the_provider_tells_of_it(provider: Provided) -> None:
    one = notification()
    queue = MemoryNotificationQueue(provider.clock, one)
    deliveries, metrics = MemoryDeliveryQueue(queue), Counted()
    channels = {Channel.ALIMTALK: provider.alimtalk(), Channel.SMS: provider.sms()}
    provider.fault(FaultKind.PENDING)
    await SendNotifications(queue, channels, provider.clock, FakeTime(), FullChance(), Counted(), "process-1")()  # type: ignore[arg-type]
    follow = FollowDeliveries(deliveries, channels, provider.clock, FullChance(), Counted(), "process-1")  # type: ignore[arg-type]
    provider.clock.move(timedelta(seconds=5))
    assert await follow() == 1
    assert (await follow(), queue.status(one.id)) == (0, NotificationStatus.SENT)
    async with served(hearing(deliveries, metrics)) as url, httpx.AsyncClient(base_url=provider.url, trust_env=False) as operator:
        statuses: list[int | None] = []
        for signature in ("another", SECRET):
            provider.app.state.webhook.settings = ResultWebhookSettings(url=f"{url}{ALIMTALK_PATH}", signature=signature)
            result = {"grouping_key": str(one.id), "delivered": False, "result_code": "3019", "resend_status": "RSC01"}
            assert (await operator.post("/simulator/results", json=result)).json() == {"settled": 1}
            statuses = await told(operator, 1 if signature == "another" else 2)
            assert await follow() == (0 if signature == "another" else 1)
    assert statuses == [403, 200]
    assert {row.notification.channel: row.status for row in queue.rows.values()} == {
        Channel.ALIMTALK: NotificationStatus.FAILED,
        Channel.SMS: NotificationStatus.PENDING,
    }
    outcomes = [labels["outcome"] for _, labels in metrics.counts]
    assert outcomes == ["forbidden", "hurried"]


@pytest.mark.parametrize("shown", [{}, {"X-Toast-Webhook-Signature": "wrong"}, {"X-Toast-Webhook-Signature": "\xff"}])
async def test_whoever_does_not_show_the_secret_is_not_heard(caller: httpx.AsyncClient, listing: Listing, shown: dict[str, str]) -> None:
    headers = {name.encode(): value.encode("latin-1") for name, value in shown.items()}
    answer = await caller.post(ALIMTALK_PATH, content=hooks(str(notification().id)), headers=headers)
    assert (answer.status_code, listing.asked) == (403, [])


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"{", b"[1]", b"[" * 3_000, b'{"hooks": 5}', b'{"hooks": [5, null, {}]}', hooks(5, None, "", "nonsense", [])),
        hooks(str(notification().id)) + b" " * LONGEST_RESULTS,
    ],
    ids=range(9),
)
async def test_whatever_it_is_told_it_answers_and_asks_for_nothing(caller: httpx.AsyncClient, listing: Listing, body: bytes) -> None:
    assert (await caller.post(ALIMTALK_PATH, content=body, headers=SHOWN)).status_code == 200
    assert listing.asked == []


async def test_each_is_named_once_and_no_more_than_a_call_may_name(caller: httpx.AsyncClient, listing: Listing) -> None:
    ids = [notification(number).id for number in range(1, MOST_RESULTS + 10)]
    await caller.post(ALIMTALK_PATH, content=hooks(1, *map(str, (ids[1], ids[0], ids[1]))), headers=SHOWN)
    await caller.post(ALIMTALK_PATH, content=hooks(*map(str, ids)), headers=SHOWN)
    assert [sorted(asked) for asked in listing.asked] == [sorted(ids[:2]), sorted(ids[:MOST_RESULTS])]


async def test_what_cannot_be_heard_now_is_said_to_be_unavailable() -> None:
    listing = Listing(NotCommitted("lock wait"))
    async with served(hearing(listing)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as caller:
        answer = await caller.post(ALIMTALK_PATH, content=hooks(str(notification().id)), headers=SHOWN)
    assert (answer.status_code, listing.asked) == (503, [[notification().id]])
