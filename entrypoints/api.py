"""The HTTP process: `/graphql`, the probes, and in the embedded default the roles and the simulators beside them."""

import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from uuid import uuid4

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application.operations.health import Health
from entrypoints.graphql.context import Services
from entrypoints.graphql.endpoint import GraphQLEndpoint
from entrypoints.graphql.schema import build_schema
from entrypoints.settings import Settings
from entrypoints.shedding import Shedding
from entrypoints.webhooks import ALIMTALK_PATH as ALIMTALK_WEBHOOK
from entrypoints.webhooks import PATH as TOSS_WEBHOOK
from entrypoints.webhooks import alimtalk_webhook, toss_webhook

LONGEST_WAIT = 1.0
"""Seconds for which an operation waits to be begun."""
PAGES = Path(__file__).parent / "graphql" / "pages"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def build_api(
    settings: Settings,
    services: Services,
    *,
    correlate: Callable[[str], None],
    exposition: Callable[[], bytes],
    last_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application over what ``processes`` has opened; ``last_routes`` are asked when no other fits."""
    schema = build_schema(introspection=settings.introspection)
    endpoint = GraphQLEndpoint(schema, services, ide_page=_page("graphiql.html") if settings.graphiql else None)
    routes: list[BaseRoute] = [
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        Route("/healthz", _alive),
        Route("/readyz", _ready(services.use_cases.health)),
        Route("/metrics", _metrics(exposition)),
        toss_webhook(services.use_cases.hear_webhook, services.metrics),
    ]
    if settings.alimtalk_webhook_secret is not None:
        routes.append(alimtalk_webhook(services.use_cases.hear_results, settings.alimtalk_webhook_secret, services.metrics))
    if settings.graphiql:
        routes.append(Route("/", _walk))

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        """What start-up has made lives as long as the process: no collection needs to look at it again."""
        gc.collect()
        gc.freeze()
        yield

    return Starlette(
        routes=[*routes, *last_routes],
        lifespan=life,
        middleware=[
            Middleware(Correlated, correlate=correlate),
            Middleware(
                Shedding,
                paths=("/graphql", TOSS_WEBHOOK, ALIMTALK_WEBHOOK),
                operations=settings.max_in_flight,
                wait_seconds=LONGEST_WAIT,
                sockets=settings.max_sockets,
                metrics=services.metrics,
            ),
        ],
        max_body_size=settings.max_body_bytes,
    )


class Correlated:
    """Gives each request and each socket an id of its own, which its log lines and its masked faults carry."""

    def __init__(self, app: ASGIApp, correlate: Callable[[str], None]) -> None:
        self._app = app
        self._correlate = correlate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        correlation_id = uuid4().hex
        scope["state"] = {**scope.get("state", {}), "correlation_id": correlation_id}
        self._correlate(correlation_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-correlation-id"] = correlation_id
            await send(message)

        await self._app(scope, receive, send_with_id)


def _alive(request: Request) -> Response:
    """The process answers: nothing is said about its servers."""
    return PlainTextResponse("ok\n")


def _ready(health: Health) -> Callable[[Request], object]:
    async def ready(request: Request) -> Response:
        readiness = await health()
        return JSONResponse(
            {"ready": readiness.ready, "servers": dict(readiness.servers)},
            status_code=200 if readiness.ready else 503,
        )

    return ready


def _metrics(exposition: Callable[[], bytes]) -> Callable[[Request], Response]:
    def metrics(request: Request) -> Response:
        return Response(exposition(), media_type=PROMETHEUS)

    return metrics


def _walk(request: Request) -> Response:
    return HTMLResponse(_page("walk.html"))


def _page(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")
