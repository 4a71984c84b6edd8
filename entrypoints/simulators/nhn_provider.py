"""What the look-alikes of NHN Cloud's AlimTalk and SMS share: accounts, faults, and the shape of an exchange."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from application.messaging.booking_news import KST
from entrypoints.simulators.dropped_connection import DroppedConnection
from entrypoints.simulators.faults import Fault, FaultKind, Faults, Level, Operation, Provider
from entrypoints.simulators.mailbox import Mailbox

BAD_APPKEY = -1000
BAD_SECRET = -1001
SYSTEM_ERROR = -9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    appkey: str = field(repr=False)
    secret_key: str = field(repr=False)


class Failed(Exception):
    """The whole request fails with this result."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def header(code: int, message: str = "") -> dict[str, Any]:
    return {"resultCode": code, "resultMessage": message or ("SUCCESS" if code == 0 else "FAIL"), "isSuccessful": code == 0}


def failure(code: int) -> Response:
    """As NHN does it: HTTP 200, and the truth in the header."""
    return JSONResponse({"header": header(code)})


def new_request_id(now: datetime) -> str:
    return f"{now.astimezone(KST):%Y%m%d%H%M%S}{secrets.token_hex(5)}"


def is_phone(value: object) -> bool:
    return isinstance(value, str) and value.isdigit() and 9 <= len(value) <= 15


class NhnProvider:
    """One API: its account, its faults, its mailbox."""

    def __init__(self, provider: Provider, account: Account, mailbox: Mailbox, faults: Faults) -> None:
        self._provider = provider
        self._account = account
        self.mailbox = mailbox
        self._faults = faults

    async def exchange(
        self, request: Request, operation: Operation, process: Callable[[Request, Fault | None], Awaitable[Response]]
    ) -> Response:
        """Processes a request, unless the fault that is due says otherwise. Who hangs up does not take back what has been read."""
        await request.body()
        fault = self._faults.take(self._provider, operation)
        if fault is not None and (instead := await instead_of_processing(fault, _refusal(fault))) is not None:
            return instead
        try:
            self._ensure_known(request)
            reply = await process(request, fault)
        except Failed as result:
            reply = failure(result.code)
        return await instead_of_reply(fault, reply)

    def _ensure_known(self, request: Request) -> None:
        if request.path_params["appkey"] != self._account.appkey:
            raise Failed(BAD_APPKEY)
        if request.headers.get("X-Secret-Key") != self._account.secret_key:
            raise Failed(BAD_SECRET)


async def body_of(request: Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except ValueError as fault:
        raise Failed(-9997) from fault
    if not isinstance(body, dict):
        raise Failed(-9997)
    return body


def _refusal(fault: Fault) -> Response:
    return failure(SYSTEM_ERROR if fault.code is None else fault.code)


async def instead_of_processing(fault: Fault, refusal: Response) -> Response | None:
    match fault.kind:
        case FaultKind.DROP_REQUEST:
            return DroppedConnection()
        case FaultKind.ERROR:
            return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", status_code=fault.code or 502)
        case FaultKind.LIMIT:
            return PlainTextResponse("Too Many Requests", status_code=429, headers={"Retry-After": f"{fault.seconds:.0f}"})
        case FaultKind.REFUSE if fault.level is Level.HEADER:
            return refusal
        case FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
    return None


async def instead_of_reply(fault: Fault | None, reply: Response) -> Response:
    if fault is not None and fault.kind is FaultKind.DROP_REPLY:
        return DroppedConnection()
    if fault is not None and fault.kind is FaultKind.DELAY_REPLY:
        await asyncio.sleep(fault.seconds)
    return reply
