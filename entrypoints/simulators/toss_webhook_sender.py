"""Sends the simulated gateway's webhooks, one after the other, and again until they are taken."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import httpx

from entrypoints.simulators.toss_books import Books, Delivery

PATIENCE = 10.0
"""Seconds in which the receiver has to say 200."""
AT_ONCE = 100
POLL_SECONDS = 0.2
"""How often what waits is looked at: the books' clock may be put forward at any time."""


class WebhookSender:
    """Runs from the first ``wake`` on, which a mounted application without a lifespan can call as well."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._awake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._http: httpx.AsyncClient | None = None

    def wake(self) -> None:
        self._awake.set()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())

    async def send_due(self) -> None:
        """Returns when everything that was due has been sent once."""
        async with self._one_at_a_time:
            due = await self._books.transaction(lambda page: page.due(AT_ONCE))
            await self._send(due)

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        if self._http is not None:
            await self._http.aclose()

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            await self.send_due()
            if await self._books.transaction(lambda page: page.waiting()):
                await asyncio.sleep(POLL_SECONDS)
            else:
                await self._awake.wait()

    async def _send(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._http = self._http or httpx.AsyncClient(timeout=PATIENCE, trust_env=False)
            status = await _post(self._http, delivery)
            await self._books.transaction(lambda page, one=delivery, said=status: page.delivered(one, said))  # type: ignore[misc]


async def _post(http: httpx.AsyncClient, delivery: Delivery) -> int | None:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "tosspayments-webhook-transmission-id": delivery.transmission_id,
        "tosspayments-webhook-transmission-time": delivery.due_at,
        "tosspayments-webhook-transmission-retried-count": str(delivery.retried),
    }
    try:
        response = await http.post(delivery.url, content=delivery.body.encode(), headers=headers)
    except (httpx.RequestError, httpx.InvalidURL):
        return None
    return response.status_code
