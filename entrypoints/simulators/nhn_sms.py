"""A look-alike of NHN Cloud's SMS v3.0: short and long texts, which it sends as often as it is asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from application.messaging.booking_news import KST
from entrypoints.simulators.faults import Fault, FaultKind, Level, Operation
from entrypoints.simulators.mailbox import Kind, Mail, Search
from entrypoints.simulators.nhn_provider import Failed, NhnProvider, body_of, header, is_phone, new_request_id

MOST_RECIPIENTS = 1000
MOST_RESULTS = 1000
LONGEST = {Kind.SMS: 255, Kind.LMS: 4000}
LONGEST_TITLE = 120

INVALID = 4
EMPTY = -2014
TOO_LONG = -2015
TOO_MANY = -2016
BAD_RECIPIENT = -2019
BAD_CHARACTERS = -2023
NO_SENDER = -2312
SEARCH_INCOMPLETE = -2011


class SmsSimulator:
    def __init__(self, provider: NhnProvider) -> None:
        self._provider = provider

    def routes(self) -> list[Route]:
        sender = "/sms/v3.0/appKeys/{appkey}/sender"
        return [
            Route(f"{sender}/{{kind}}", self.send, methods=["POST"]),
            Route(f"{sender}/{{kind}}", self.search, methods=["GET"]),
            Route(f"{sender}/{{kind}}/{{request_id}}", self.get, methods=["GET"]),
        ]

    async def send(self, request: Request) -> Response:
        return await self._provider.exchange(request, Operation.SEND, self._send)

    async def search(self, request: Request) -> Response:
        return await self._provider.exchange(request, Operation.FIND, self._search)

    async def get(self, request: Request) -> Response:
        return await self._provider.exchange(request, Operation.FIND, self._get)

    async def _send(self, request: Request, fault: Fault | None) -> Response:
        kind = _kind(request)
        body = await body_of(request)
        _ensure_sendable(kind, body)
        now = self._provider.mailbox.now()
        request_id = new_request_id(now)
        recipients: list[Mapping[str, Any]] = body["recipientList"]
        codes = [_code_for(recipient, fault) for recipient in recipients]
        numbered = list(enumerate(zip(recipients, codes, strict=True), start=1))
        await self._provider.mailbox.accept(
            [_mail(kind, request_id, number, recipient, body, fault, now) for number, (recipient, code) in numbered if code == 0]
        )
        results = [
            {
                "recipientNo": recipient.get("recipientNo"),
                "resultCode": code,
                "resultMessage": "SUCCESS" if code == 0 else "FAIL",
                "recipientSeq": number,
                "recipientGroupingKey": recipient.get("recipientGroupingKey"),
            }
            for number, (recipient, code) in numbered
        ]
        data = {"requestId": request_id, "statusCode": "2", "sendResultList": results}
        return JSONResponse({"header": header(0), "body": {"data": data}})

    async def _search(self, request: Request, _: Fault | None) -> Response:
        asked = request.query_params
        since, until = _moment(asked.get("startRequestDate")), _moment(asked.get("endRequestDate"))
        if "requestId" not in asked and (since is None or until is None):
            raise Failed(SEARCH_INCOMPLETE)
        what = Search(
            kinds=(_kind(request),),
            request_id=asked.get("requestId"),
            grouping_key=asked.get("recipientGroupingKey"),
            phone=asked.get("recipientNo"),
            since=since,
            until=until,
            limit=min(int(asked.get("pageSize", "15")), MOST_RESULTS),
        )
        found = [_as_json(mail) for mail in await self._provider.mailbox.search(what)]
        body = {"pageNum": 1, "pageSize": what.limit, "totalCount": len(found), "data": found}
        return JSONResponse({"header": header(0), "body": body})

    async def _get(self, request: Request, _: Fault | None) -> Response:
        what = Search(kinds=(_kind(request),), request_id=request.path_params["request_id"], limit=MOST_RECIPIENTS)
        wanted = request.query_params.get("recipientSeq", "1")
        for mail in await self._provider.mailbox.search(what):
            if str(mail.recipient_seq) == wanted:
                return JSONResponse({"header": header(0), "body": {"data": _as_json(mail)}})
        return JSONResponse({"header": header(0), "body": {"data": None}})


def _kind(request: Request) -> Kind:
    kinds = {"sms": Kind.SMS, "mms": Kind.LMS}
    if (kind := kinds.get(request.path_params["kind"])) is None:
        raise Failed(-9998)
    return kind


def _ensure_sendable(kind: Kind, body: Mapping[str, Any]) -> None:
    text, title = body.get("body"), body.get("title")
    recipients = body.get("recipientList")
    if not isinstance(recipients, list) or not recipients:
        raise Failed(INVALID)
    if len(recipients) > MOST_RECIPIENTS:
        raise Failed(TOO_MANY)
    if not text or not isinstance(text, str) or (kind is Kind.LMS and not title):
        raise Failed(EMPTY)
    if len(text) > LONGEST[kind] or len(str(title or "")) > LONGEST_TITLE:
        raise Failed(TOO_LONG)
    if not body.get("sendNo"):
        raise Failed(NO_SENDER)
    try:
        f"{text}{title or ''}".encode("euc_kr")
    except UnicodeEncodeError as fault:
        raise Failed(BAD_CHARACTERS) from fault


def _code_for(recipient: Mapping[str, Any], fault: Fault | None) -> int:
    if fault is not None and fault.kind is FaultKind.REFUSE and fault.level is Level.RECIPIENT:
        return fault.code or BAD_RECIPIENT
    return 0 if is_phone(recipient.get("recipientNo")) else BAD_RECIPIENT


def _mail(
    kind: Kind,
    request_id: str,
    number: int,
    recipient: Mapping[str, Any],
    body: Mapping[str, Any],
    fault: Fault | None,
    now: datetime,
) -> Mail:
    fails = fault is not None and fault.kind is FaultKind.UNDELIVERED
    pending = fault is not None and fault.kind is FaultKind.PENDING
    return Mail(
        kind=kind,
        request_id=request_id,
        recipient_seq=number,
        phone=recipient["recipientNo"],
        title=str(body.get("title") or ""),
        text=body["body"],
        template="",
        grouping_key=recipient.get("recipientGroupingKey") or "",
        delivered=not fails and not pending,
        result_code="" if pending else str(fault.code or 3003) if fails and fault is not None else "1000",
        resend_status="",
        created_at=now,
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=KST)
    except ValueError as fault:
        raise Failed(-2000) from fault


def _as_json(mail: Mail) -> dict[str, Any]:
    created = f"{mail.created_at.astimezone(KST):%Y-%m-%d %H:%M:%S}.0"
    return {
        "requestId": mail.request_id,
        "requestDate": created,
        "resultDate": created,
        "title": mail.title,
        "body": mail.text,
        "recipientNo": mail.phone,
        "msgStatus": "2" if not mail.result_code else "3" if mail.delivered else "0",
        "resultCode": mail.result_code,
        "recipientSeq": mail.recipient_seq,
        "messageType": mail.kind,
        "recipientGroupingKey": mail.grouping_key,
    }
