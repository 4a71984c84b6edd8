"""Toss Payments as one application: alone, or mounted beside the API.

- ``/v1/payments/…``: the gateway (``confirm``, ``{paymentKey}/cancel``, ``orders/{orderId}``, ``{paymentKey}``).
- ``/simulator/toss/checkout``: POST ``{"orderId", "amount"}``, as the client's SDK does → ``{"paymentKey", "orderId", "amount"}``.
  Choose the card with ``"decline": CODE``, ``"refuseCancel": CODE``, ``"authenticated": false``.
- ``/simulator/toss/payments.json?order_id=&status=&after=&limit=``: what was charged and given back, oldest first;
  ``totals`` are over everything.
- ``/simulator/toss/requests.json``: how many requests of each kind have come since the start.
- ``/simulator/toss/faults``: POST one or a list of ``toss_faults.TossFault`` as JSON, GET those that are set, DELETE all.
- ``/simulator/toss/webhook``: POST ``toss_webhook.WebhookSettings``, GET them, DELETE: nobody is told;
  ``/simulator/toss/webhooks.json``: what was sent.
- ``/simulator/toss/clock``: POST ``{"advance_seconds": n}``: payment windows and idempotency keys end that much sooner.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette

from entrypoints.simulators.toss_api import TossApi
from entrypoints.simulators.toss_books import Books
from entrypoints.simulators.toss_controls import TossControls
from entrypoints.simulators.toss_faults import TossFaults
from entrypoints.simulators.toss_webhook_sender import WebhookSender


def create_toss_app(path: Path, *, secret_key: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Starlette:
    """``path``: its SQLite file. Closes it at the end of its lifespan; a mounted application has none: await ``state.close()``."""
    books, faults = Books(path, now), TossFaults()
    webhooks = WebhookSender(books)
    api = TossApi(secret_key, books, faults, webhooks)

    async def close() -> None:
        await webhooks.close()
        await books.close()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        webhooks.wake()
        yield
        await close()

    app = Starlette(lifespan=lifespan, routes=[*api.routes(), *TossControls(books, faults, webhooks, api.requests).routes()])
    app.state.close = close
    return app
