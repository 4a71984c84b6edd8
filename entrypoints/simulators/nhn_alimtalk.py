"""A look-alike of NHN Cloud's AlimTalk v2.3."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from application.messaging.booking_news import KST
from application.messaging.templates import TEMPLATES, Template
from entrypoints.simulators.faults import Fault, FaultKind, Level, Operation
from entrypoints.simulators.mailbox import SENT_ON_BY_DEALER, Kind, Mail, Search
from entrypoints.simulators.nhn_provider import Failed, NhnProvider, body_of, failure, header, is_phone, new_request_id
from entrypoints.simulators.nhn_webhook import ResultWebhook

MOST_RECIPIENTS = 1000
LONGEST_SEARCH = timedelta(days=30)
MOST_RESULTS = 1000

INVALID = 4
REPEATED = -1005
ALL_RECIPIENTS_FAILED = -1031
NO_TEMPLATE = -3003
BAD_PARAMETERS = -3004
SEARCH_TOO_LONG = -4003
BAD_RECIPIENT = -5000

DELIVERED = "1000"


class AlimtalkSimulator:
    """Knows the templates of this application, as if they had been registered and approved."""

    def __init__(self, provider: NhnProvider, webhook: ResultWebhook) -> None:
        self._provider = provider
        self._webhook = webhook

    def routes(self) -> list[Route]:
        messages = "/alimtalk/v2.3/appkeys/{appkey}/messages"
        return [
            Route(messages, self.send, methods=["POST"]),
            Route(messages, self.search, methods=["GET"]),
            Route(f"{messages}/{{request_id}}/{{recipient_seq:int}}", self.get, methods=["GET"]),
        ]

    async def send(self, request: Request) -> Response:
        return await self._provider.exchange(request, Operation.SEND, self._send)

    async def search(self, request: Request) -> Response:
        return await self._provider.exchange(request, Operation.FIND, self._search)

    async def get(self, request: Request) -> Response:
        return await self._provider.exchange(request, Operation.FIND, self._get)

    async def _send(self, request: Request, fault: Fault | None) -> Response:
        body = await body_of(request)
        template = TEMPLATES.get(str(body.get("templateCode")))
        recipients = body.get("recipientList")
        if not body.get("senderKey") or not isinstance(recipients, list) or not 1 <= len(recipients) <= MOST_RECIPIENTS:
            raise Failed(INVALID)
        if template is None:
            raise Failed(NO_TEMPLATE)
        now = self._provider.mailbox.now()
        request_id = new_request_id(now)
        codes = [_code_for(recipient, template, fault) for recipient in recipients]
        mails = [
            mail
            for sequence, (recipient, code) in enumerate(zip(recipients, codes, strict=True), start=1)
            if code == 0
            for mail in _mails(request_id, sequence, recipient, template, fault, now)
        ]
        # Only what was taken can be repeated.
        if mails and not await self._provider.mailbox.accept(mails, request.headers.get("X-NC-API-IDEMPOTENCY-KEY")):
            return failure(REPEATED)
        self._webhook.tell(mails)
        results = [
            {
                "recipientSeq": sequence,
                "recipientNo": recipient.get("recipientNo"),
                "resultCode": code,
                "resultMessage": "success" if code == 0 else "fail",
                "recipientGroupingKey": recipient.get("recipientGroupingKey"),
            }
            for sequence, (recipient, code) in enumerate(zip(recipients, codes, strict=True), start=1)
        ]
        whole = 0 if mails else ALL_RECIPIENTS_FAILED
        return JSONResponse({"header": header(whole), "message": {"requestId": request_id, "sendResults": results}})

    async def _search(self, request: Request, _: Fault | None) -> Response:
        asked = request.query_params
        since, until = _moment(asked.get("startRequestDate")), _moment(asked.get("endRequestDate"))
        if "requestId" not in asked:
            if since is None or until is None:
                raise Failed(INVALID)
            if until - since > LONGEST_SEARCH:
                raise Failed(SEARCH_TOO_LONG)
        what = Search(
            kinds=(Kind.ALIMTALK,),
            request_id=asked.get("requestId"),
            grouping_key=asked.get("recipientGroupingKey"),
            phone=asked.get("recipientNo"),
            since=since,
            until=until,
            limit=min(int(asked.get("pageSize", "15")), MOST_RESULTS),
        )
        found = [_as_json(mail) for mail in await self._provider.mailbox.search(what)]
        return JSONResponse({"header": header(0), "messageSearchResultResponse": {"messages": found, "totalCount": len(found)}})

    async def _get(self, request: Request, _: Fault | None) -> Response:
        what = Search(kinds=(Kind.ALIMTALK,), request_id=request.path_params["request_id"], limit=MOST_RECIPIENTS)
        for mail in await self._provider.mailbox.search(what):
            if mail.recipient_seq == request.path_params["recipient_seq"]:
                return JSONResponse({"header": header(0), "message": _as_json(mail)})
        return JSONResponse({"header": header(0), "message": None})


def _code_for(recipient: Mapping[str, Any], template: Template, fault: Fault | None) -> int:
    if fault is not None and fault.kind is FaultKind.REFUSE and fault.level is Level.RECIPIENT:
        return fault.code or BAD_RECIPIENT
    if not is_phone(recipient.get("recipientNo")):
        return BAD_RECIPIENT
    return 0 if template.places <= recipient.get("templateParameter", {}).keys() else BAD_PARAMETERS


def _mails(
    request_id: str, sequence: int, recipient: Mapping[str, Any], template: Template, fault: Fault | None, now: datetime
) -> list[Mail]:
    """The AlimTalk; and, where that fails and it was asked to, the dealer's own long SMS."""
    fails = fault is not None and fault.kind is FaultKind.UNDELIVERED
    pending = fault is not None and fault.kind is FaultKind.PENDING
    resend = recipient.get("resendParameter") or {}
    sent_on = fails and bool(resend.get("isResend")) and fault is not None and fault.resend_status == SENT_ON_BY_DEALER
    alimtalk = Mail(
        kind=Kind.ALIMTALK,
        request_id=request_id,
        recipient_seq=sequence,
        phone=recipient["recipientNo"],
        title="",
        text=template.render(recipient["templateParameter"]),
        template=template.code,
        grouping_key=recipient.get("recipientGroupingKey") or "",
        delivered=not fails and not pending,
        result_code="" if pending else str(fault.code or 3019) if fails and fault is not None else DELIVERED,
        resend_status=fault.resend_status if fails and fault is not None else "RSC01",
        created_at=now,
    )
    if not sent_on:
        return [alimtalk]
    by_dealer = Mail(
        kind=Kind.LMS,
        request_id=f"{request_id}-resend",
        recipient_seq=sequence,
        phone=alimtalk.phone,
        title=str(resend.get("resendTitle", "")),
        text=str(resend.get("resendContent", "")),
        template="",
        grouping_key="",
        delivered=True,
        result_code=DELIVERED,
        resend_status="",
        created_at=now,
    )
    return [alimtalk, by_dealer]


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=KST)
    except ValueError as fault:
        raise Failed(INVALID) from fault


def _as_json(mail: Mail) -> dict[str, Any]:
    created = f"{mail.created_at.astimezone(KST):%Y-%m-%d %H:%M:%S}.0"
    return {
        "requestId": mail.request_id,
        "recipientSeq": mail.recipient_seq,
        "templateCode": mail.template,
        "recipientNo": mail.phone,
        "content": mail.text,
        "requestDate": created,
        "createDate": created,
        "receiveDate": created,
        "resendStatus": mail.resend_status,
        "messageStatus": "READY" if not mail.result_code else "COMPLETED" if mail.delivered else "FAILED",
        "resultCode": mail.result_code,
        "recipientGroupingKey": mail.grouping_key,
    }
