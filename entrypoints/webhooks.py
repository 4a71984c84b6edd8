"""Where the payment gateway and the notification provider tell of what they did. Heard as hints: what is believed is looked up."""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from application.messaging.hear_results import HearResults
from application.ports.metrics import Metrics
from application.recovery.hear_webhook import HearWebhook
from domain.errors import TransientError
from domain.ids import NotificationId

log = logging.getLogger(__name__)

PATH = "/webhooks/toss"
ALIMTALK_PATH = "/webhooks/nhn/alimtalk"
LONGEST = 64 * 1024
LONGEST_RESULTS = 256 * 1024
MOST_RESULTS = 500
"""Of one call. What it names beyond that waits for its own look."""


def toss_webhook(hear: HearWebhook, metrics: Metrics) -> Route:
    """Anything but 200 is sent again by the gateway, for days: only what could not be heard for now is worth that."""

    async def heard(request: Request) -> Response:
        order_id = _order_id(await request.body())
        if order_id is None:
            metrics.count("concert_gateway_webhooks_total", outcome="unreadable")
            return Response(status_code=200)
        return await _answer(hear(order_id), "the gateway sends it again", metrics, "concert_gateway_webhooks_total")

    endpoint: Callable[[Request], Awaitable[Response]] = heard
    return Route(PATH, endpoint, methods=["POST"])


def alimtalk_webhook(hear: HearResults, secret: str, metrics: Metrics) -> Route:
    """NHN Cloud shows the string that was chosen in its console, and signs nothing with it."""

    async def heard(request: Request) -> Response:
        shown = request.headers.get("x-toast-webhook-signature", "")
        if not hmac.compare_digest(shown.encode("latin-1"), secret.encode()):
            metrics.count("concert_alimtalk_webhooks_total", outcome="forbidden")
            return Response(status_code=403)
        named = _notifications(await request.body())
        return await _answer(hear(named), "the results are asked for in their time", metrics, "concert_alimtalk_webhooks_total")

    endpoint: Callable[[Request], Awaitable[Response]] = heard
    return Route(ALIMTALK_PATH, endpoint, methods=["POST"])


async def _answer(hearing: Awaitable[object], what_else: str, metrics: Metrics, counter: str) -> Response:
    """``hearing`` is true where something had waited for it."""
    try:
        waited = await hearing
    except TransientError:
        log.warning("a webhook could not be heard; %s", what_else)
        return Response(status_code=503)
    metrics.count(counter, outcome="hurried" if waited else "nothing_waited")
    return Response(status_code=200)


def _notifications(body: bytes) -> Sequence[NotificationId]:
    """Those that it names by the grouping key that we gave them; what cannot be made out names none."""
    try:
        event = json.loads(body) if len(body) <= LONGEST_RESULTS else None
    except (ValueError, RecursionError):
        return ()
    hooks = event.get("hooks") if isinstance(event, dict) else None
    if not isinstance(hooks, list):
        return ()
    keys = [hook.get("recipientGroupingKey") for hook in hooks[:MOST_RESULTS] if isinstance(hook, dict)]
    return sorted({named for key in keys if (named := _notification_id(key)) is not None})


def _notification_id(key: object) -> NotificationId | None:
    try:
        return NotificationId(UUID(key)) if isinstance(key, str) else None
    except ValueError:
        return None


def _order_id(body: bytes) -> str | None:
    """The order it is about, in either of the shapes the gateway sends; None where it cannot be made out."""
    try:
        event = json.loads(body) if len(body) <= LONGEST else None
    except (ValueError, RecursionError):
        return None
    data = event.get("data", event) if isinstance(event, dict) else None
    order_id = data.get("orderId") if isinstance(data, dict) else None
    return order_id if isinstance(order_id, str) and len(order_id) <= 64 else None
