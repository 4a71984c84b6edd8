"""A fan who has paid, the provider's look-alike over real HTTP, and channels that speak to it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from starlette.applications import Starlette

from adapters.notification.alimtalk import AlimtalkChannel
from adapters.notification.nhn_client import NhnClient
from adapters.notification.sms import SmsChannel
from adapters.notification.solapi import SolapiChannel
from adapters.notification.solapi_client import SolapiClient
from application.ports.notification_channel import NotificationChannel
from domain.ids import ConcertId, MessageId, UserId
from domain.notification import Channel, Notification, NotificationStatus, notification_id
from entrypoints.simulators.faults import Fault, FaultKind, Operation, Provider
from entrypoints.simulators.mailbox import Mail, Mailbox, Search
from entrypoints.simulators.nhn import create_app
from entrypoints.simulators.nhn_provider import Account
from tests.contracts.clocks import FixedClock
from tests.fakes.served import served

ALIMTALK_ACCOUNT = Account(appkey="alimtalk-appkey", secret_key="alimtalk-secret")
SOLAPI_ACCOUNT = Account(appkey="solapi-key", secret_key="solapi-secret")
SMS_ACCOUNT = Account(appkey="sms-appkey", secret_key="sms-secret")
PHONE = "01012345678"
SENDER_NUMBER = "15880000"
FACTS = {
    "title": "첫눈",
    "venue": "올림픽홀",
    "startsAt": "2030년 5월 9일(목) 19:30",
    "seats": "A 1열 1번(R), A 1열 2번(R)",
    "amount": "100,000원",
}


def notification(number: int = 1, channel: Channel = Channel.ALIMTALK, **changes: Any) -> Notification:
    event, recipient = MessageId(UUID(int=number)), UserId(UUID(int=5))
    fields: dict[str, Any] = {
        "id": notification_id(event, recipient, channel),
        "concert_id": ConcertId(UUID(int=9)),
        "event": event,
        "recipient": recipient,
        "channel": channel,
        "phone": PHONE,
        "template": "PAYMENT_COMPLETED",
        "facts": FACTS,
        "status": NotificationStatus.PENDING,
        "created_at": FixedClock().now(),
    }
    return Notification(**(fields | changes))


@dataclass
class Provided:
    """The simulator at ``url`` and a channel of each kind to it. Its time is the clock's."""

    app: Starlette
    url: str
    clock: FixedClock
    clients: list[NhnClient | SolapiClient] = field(default_factory=list)

    @property
    def mailbox(self) -> Mailbox:
        mailbox: Mailbox = self.app.state.mailbox
        return mailbox

    def fault(self, kind: FaultKind, provider: Provider = Provider.ALIMTALK, operation: Operation = Operation.SEND, **more: Any) -> None:
        self.app.state.faults.add(Fault(kind=kind, provider=provider, operation=operation, **more))

    def client(self, account: Account, url: str | None = None, **deadlines: float) -> NhnClient:
        client = NhnClient(url or self.url, account.secret_key, **deadlines)  # type: ignore[arg-type]
        self.clients.append(client)
        return client

    def alimtalk(self, account: Account = ALIMTALK_ACCOUNT, url: str | None = None, **more: Any) -> AlimtalkChannel:
        deadlines = {name: more.pop(name) for name in list(more) if name.endswith("_seconds")}
        return AlimtalkChannel(self.client(account, url, **deadlines), ALIMTALK_ACCOUNT.appkey, "sender-key", **more)

    def sms(self, account: Account = SMS_ACCOUNT, url: str | None = None, **deadlines: float) -> SmsChannel:
        return SmsChannel(self.client(account, url, **deadlines), SMS_ACCOUNT.appkey, SENDER_NUMBER)

    def solapi(
        self,
        channel: Channel = Channel.ALIMTALK,
        account: Account = SOLAPI_ACCOUNT,
        url: str | None = None,
        clock: FixedClock | None = None,
        **more: Any,
    ) -> SolapiChannel:
        deadlines = {name: more.pop(name) for name in list(more) if name.endswith("_seconds")}
        client = SolapiClient(url or self.url, account.appkey, account.secret_key, clock or self.clock, **deadlines)
        self.clients.append(client)
        return SolapiChannel(client, channel, pf_id="pf-id", sender=SENDER_NUMBER, **more)

    def channels(self) -> Mapping[Channel, NotificationChannel]:
        return {Channel.ALIMTALK: self.alimtalk(), Channel.SMS: self.sms()}

    async def received(self, phone: str = PHONE) -> list[Mail]:
        """What the fan has on the phone, oldest first."""
        return [mail for mail in reversed(await self.mailbox.search(Search(phone=phone))) if mail.delivered]


@asynccontextmanager
async def provided(path: Path, clock: FixedClock) -> AsyncIterator[Provided]:
    def now() -> datetime:
        return clock.now()

    app = create_app(path / "mailbox.db", alimtalk=ALIMTALK_ACCOUNT, sms=SMS_ACCOUNT, solapi=SOLAPI_ACCOUNT, now=now)
    async with served(app) as url:
        provider = Provided(app=app, url=url, clock=clock)
        yield provider
        for client in provider.clients:
            await client.close()


async def answered(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as browser:
        return await browser.get(url)
