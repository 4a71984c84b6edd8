"""Where the payment gateway tells of what it did. Heard as a hint: what is believed is looked up."""

import json
import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from application.ports.metrics import Metrics
from application.recovery.hear_webhook import HearWebhook
from domain.errors import TransientError

log = logging.getLogger(__name__)

PATH = "/webhooks/toss"
LONGEST = 64 * 1024


def toss_webhook(hear: HearWebhook, metrics: Metrics) -> Route:
    """Anything but 200 is sent again by the gateway, for days: only what could not be heard for now is worth that."""

    async def heard(request: Request) -> Response:
        order_id = _order_id(await request.body())
        if order_id is None:
            metrics.count("concert_gateway_webhooks_total", outcome="unreadable")
            return Response(status_code=200)
        try:
            waited = await hear(order_id)
        except TransientError:
            log.warning("a webhook could not be heard; the gateway sends it again")
            return Response(status_code=503)
        metrics.count("concert_gateway_webhooks_total", outcome="hurried" if waited else "nothing_waited")
        return Response(status_code=200)

    endpoint: Callable[[Request], Awaitable[Response]] = heard
    return Route(PATH, endpoint, methods=["POST"])


def _order_id(body: bytes) -> str | None:
    """The order it is about, in either of the shapes the gateway sends; None where it cannot be made out."""
    try:
        event = json.loads(body) if len(body) <= LONGEST else None
    except (ValueError, RecursionError):
        return None
    data = event.get("data", event) if isinstance(event, dict) else None
    order_id = data.get("orderId") if isinstance(data, dict) else None
    return order_id if isinstance(order_id, str) and len(order_id) <= 64 else None
