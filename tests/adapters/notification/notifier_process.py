"""A notifier in a process of its own, to be killed: python -m … DATABASE_URL SIMULATOR_URL OWNER."""

import asyncio
import sys

from adapters.notification.alimtalk import AlimtalkChannel
from adapters.notification.nhn_client import NhnClient
from adapters.sql.database import database_at
from adapters.sql.notification_queue import SqlNotificationQueue
from adapters.system.clock import SystemClock
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from application.messaging.send_notifications import SendNotifications
from domain.notification import Channel
from tests.adapters.notification.scene import ALIMTALK_ACCOUNT
from tests.application.test_retrying import Counted

SHORT_LEASE = 1
"""So that the next process need not wait for the killed one's."""


async def notify(database_url: str, simulator_url: str, owner: str) -> None:
    database = database_at(database_url)
    await database.open()
    client = NhnClient(simulator_url, ALIMTALK_ACCOUNT.secret_key)
    send = SendNotifications(
        SqlNotificationQueue(database),
        {Channel.ALIMTALK: AlimtalkChannel(client, ALIMTALK_ACCOUNT.appkey, "sender-key")},
        SystemClock(),
        AsyncioSleeper(),
        RandomJitter(),
        Counted(),
        owner,
        batch=4,
        lease_seconds=SHORT_LEASE,
    )
    while True:
        if not await send():
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(notify(*sys.argv[1:]))
