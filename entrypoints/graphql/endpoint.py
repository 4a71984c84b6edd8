"""`/graphql`: GraphQL over HTTP and over graphql-transport-ws."""

import asyncio
import json
from datetime import timedelta
from typing import Any, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from entrypoints.auth import AccessTokenInvalid, Person, bearer
from entrypoints.graphql.context import Context, Services
from entrypoints.graphql.schema import QuietSchema
from entrypoints.graphql.wording import preferred_language

INIT_WAIT = timedelta(seconds=5)
MOST_OPERATIONS_A_SOCKET = 100
UNAUTHENTICATED = 4403


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """A socket lasts no longer than the token it was opened with."""

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        await super().handle_connection_init(message)
        if self.connection_acknowledged and (person := self.context.visitor) is not None:
            self._expiry = asyncio.create_task(self._close_at(person))

    async def shutdown(self) -> None:
        if (expiry := getattr(self, "_expiry", None)) is not None:
            expiry.cancel()
        await super().shutdown()

    async def _close_at(self, person: Person) -> None:
        await asyncio.sleep(max(0.0, person.expires_at - self.context.now().timestamp()))
        await self.websocket.close(code=UNAUTHENTICATED, reason="The token has expired")


class GraphQLEndpoint(GraphQL[Context, None]):
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(self, schema: QuietSchema, services: Services, *, ide_page: str | None) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if ide_page else None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=INIT_WAIT,
            max_subscriptions_per_connection=MOST_OPERATIONS_A_SOCKET,
        )
        self._services = services
        self._ide_page = ide_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        try:
            response = await self.run(Request(scope, receive))
        except HTTPException as refused:
            response = _refused(refused)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Over a socket the person comes later, with ``connection_init``."""
        header = request.headers.get("authorization")
        person, refused = await self._person(header)
        return Context(
            self._services,
            language=preferred_language(request.headers.get("accept-language", "")),
            correlation_id=_correlation_id(request),
            person=person,
            refused=refused,
        )

    async def on_ws_connect(self, context: Context) -> Any:
        """Nobody may watch what is public; who brings a token brings a valid one, or is sent away with 4403."""
        params = context.connection_params
        header = next((params[name] for name in ("authorization", "Authorization") if name in params), None)
        if header is not None:
            context.visitor, context.refused = await self._person(header)
        if context.refused is not None:
            raise ConnectionRejectionError
        return await super().on_ws_connect(context)

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """A plain POST cannot carry a subscription: it is refused, not executed."""
        allowed = OperationType.from_http(request_adapter.method) - {OperationType.SUBSCRIPTION}
        if not request_data.query:
            raise HTTPException(400, "No GraphQL query found in the request")
        try:
            return await self.schema.execute(
                request_data.query,
                root_value=root_value,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=request_data.extensions,
            )
        except CannotGetOperationTypeError as unclear:
            raise HTTPException(400, unclear.as_http_error_reason()) from unclear
        except InvalidOperationTypeError as misplaced:
            raise HTTPException(400, misplaced.as_http_error_reason(request_adapter.method)) from misplaced

    def decode_json(self, data: str | bytes) -> object:
        """Whatever is no JSON object is refused in one way, over HTTP and sockets."""
        try:
            decoded = orjson.loads(data)
        except (ValueError, RecursionError) as misfit:
            raise json.JSONDecodeError("not JSON", "", 0) from misfit
        if not isinstance(decoded, dict):
            raise json.JSONDecodeError("not a JSON object", "", 0)
        return decoded

    def encode_json(self, data: object) -> str:
        """Text, for a socket's frames would be binary otherwise."""
        return orjson.dumps(data).decode()

    def create_response(self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response) -> Response:
        response = super().create_response(response_data, sub_response)
        response.headers["cache-control"] = "no-store"
        return response

    async def render_graphql_ide(self, request: Request) -> Response:
        return HTMLResponse(cast("str", self._ide_page))

    async def _person(self, header: object) -> tuple[Person | None, str | None]:
        """Who is asking, or why that is not known."""
        try:
            token = bearer(header)
            return (None, None) if token is None else (await self._services.access_tokens.verify(token), None)
        except AccessTokenInvalid as invalid:
            return None, str(invalid)


def _correlation_id(connection: HTTPConnection) -> str:
    return str(connection.scope.get("state", {}).get("correlation_id", ""))


def _refused(refused: HTTPException) -> Response:
    """What is no GraphQL request at all, in the shape of a GraphQL answer."""
    headers = {"allow": "GET, POST"} if refused.status_code == 405 else {}
    content = {"errors": [{"message": refused.reason, "extensions": {"code": "BAD_INPUT"}}]}
    return JSONResponse(content, status_code=refused.status_code, headers=headers)
