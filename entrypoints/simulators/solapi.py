"""A look-alike of Solapi's message API, v4. It sends as often as it is asked."""

import hmac
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from application.messaging.templates import TEMPLATES
from entrypoints.simulators.faults import Fault, FaultKind, Faults, Level, Operation, Provider
from entrypoints.simulators.mailbox import SENT_ON_BY_DEALER, Kind, Mail, Mailbox, Search
from entrypoints.simulators.nhn_provider import Account, instead_of_processing, instead_of_reply, is_phone

SKEW = timedelta(minutes=15)
SALTS = 10_000
MOST_RESULTS = 500
KINDS = {"ATA": Kind.ALIMTALK, "SMS": Kind.SMS, "LMS": Kind.LMS}
SHORT_BYTES = 90

MISSING, TOO_LONG, BAD_CHARACTERS = 1010, 1031, 1029
NO_CHANNEL, NO_TEMPLATE, NOT_AS_REGISTERED, NO_SENDER = 1041, 1042, 1043, 1062
REGISTERED, AT_CARRIER, RECEIVED, NOT_ON_KAKAO = "2000", "3000", "4000", 3104

_AUTHORIZATION = re.compile(r"HMAC-SHA256 apiKey=(\S+), date=(\S+), salt=(\S{12,64}), signature=([0-9a-f]{64})")


class SolapiSimulator:
    """Knows the templates of this application, as if they had been registered and approved."""

    def __init__(self, account: Account, mailbox: Mailbox, faults: Faults) -> None:
        self._account = account
        self._mailbox = mailbox
        self._faults = faults
        self._salts: OrderedDict[str, None] = OrderedDict()

    def routes(self) -> list[Route]:
        return [
            Route("/messages/v4/send-many/detail", self.send, methods=["POST"]),
            Route("/messages/v4/list", self.look_up, methods=["GET"]),
        ]

    async def send(self, request: Request) -> Response:
        return await self._exchange(request, Operation.SEND, self._send)

    async def look_up(self, request: Request) -> Response:
        return await self._exchange(request, Operation.FIND, self._look_up)

    async def _exchange(
        self, request: Request, operation: Operation, process: Callable[[Request, Fault | None], Awaitable[Response]]
    ) -> Response:
        fault = self._faults.take(Provider.SOLAPI, operation)
        refusal = _error(500 if fault is None or fault.code is None else fault.code, "Simulated")
        if fault is not None and (instead := await instead_of_processing(fault, refusal)) is not None:
            return instead
        reply = self._stranger(request) or await process(request, fault)
        return await instead_of_reply(fault, reply)

    def _stranger(self, request: Request) -> Response | None:
        """The refusal of a request that is not signed as it should be; a salt is good once."""
        signed = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
        if signed is None or signed[1] != self._account.appkey:
            return _error(403, "InvalidAPIKey")
        date = datetime.strptime(signed[2], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(date - self._mailbox.now()) > SKEW:
            return _error(403, "RequestTimeTooSkewed")
        expected = hmac.new(self._account.secret_key.encode(), f"{signed[2]}{signed[3]}".encode(), sha256).hexdigest()
        if not hmac.compare_digest(expected, signed[4]):
            return _error(403, "SignatureDoesNotMatch")
        if signed[3] in self._salts:
            return _error(403, "DuplicatedSignature")
        self._salts[signed[3]] = None
        while len(self._salts) > SALTS:
            self._salts.popitem(last=False)
        return None

    async def _send(self, request: Request, fault: Fault | None) -> Response:
        try:
            messages: list[Mapping[str, Any]] = (await request.json())["messages"]
            kinds = [KINDS[message["type"]] for message in messages]
        except (ValueError, KeyError, TypeError):
            return _error(400, "ValidationError")
        now = self._mailbox.now()
        group = f"G4V{now:%Y%m%d%H%M%S}{token_hex(8).upper()}"
        registered, failed, mails = [], [], []
        for kind, message in zip(kinds, messages, strict=True):
            code = _code_for(kind, message, fault)
            listed = {"to": message.get("to"), "type": message["type"], "customFields": message.get("customFields")}
            if code is not None:
                failed.append(listed | {"statusCode": str(code), "statusMessage": "refused"})
                continue
            message_id = f"M4V{now:%Y%m%d%H%M%S}{token_hex(8).upper()}"
            registered.append(listed | {"messageId": message_id, "statusCode": REGISTERED, "statusMessage": "registered"})
            mails += _mails(kind, message_id, message, fault, now)
        await self._mailbox.accept(mails)
        count = {"total": len(messages), "registeredSuccess": len(registered), "registeredFailed": len(failed)}
        group_info = {"groupId": group, "status": "SENDING", "count": count}
        return JSONResponse({"groupInfo": group_info, "failedMessageList": failed, "messageList": registered})

    async def _look_up(self, request: Request, _: Fault | None) -> Response:
        asked = request.query_params
        limit, start = int(asked.get("limit", "20")), int(asked.get("startKey", "0"))
        if not 1 <= limit <= MOST_RESULTS:
            return _error(400, "ValidationError")
        what = Search(request_id=asked.get("messageId"), phone=asked.get("to"), limit=start + limit + 1)
        found = (await self._mailbox.search(what))[start:]
        listed = {mail.request_id: _as_json(mail) for mail in found[:limit] if mail.request_id.startswith("M4V")}
        return JSONResponse({"limit": limit, "messageList": listed, "nextKey": str(start + limit) if len(found) > limit else None})


def _error(status: int, code: str) -> Response:
    return JSONResponse({"errorCode": code, "errorMessage": code}, status_code=status)


def _code_for(kind: Kind, message: Mapping[str, Any], fault: Fault | None) -> int | None:
    """Why it is not registered; None where it is."""
    if fault is not None and fault.kind is FaultKind.REFUSE and fault.level is Level.RECIPIENT:
        return fault.code or MISSING
    if not is_phone(message.get("to")):
        return MISSING
    if kind is not Kind.ALIMTALK:
        text = str(message.get("text") or "")
        if not text or not message.get("from"):
            return MISSING if not text else NO_SENDER
        try:
            size = len(f"{text}{message.get('subject') or ''}".encode("euc_kr"))
        except UnicodeEncodeError:
            return BAD_CHARACTERS
        return TOO_LONG if size > (SHORT_BYTES if kind is Kind.SMS else 2_040) else None
    options = message.get("kakaoOptions") or {}
    if not options.get("pfId"):
        return NO_CHANNEL
    template = TEMPLATES.get(str(options.get("templateId")))
    if template is None:
        return NO_TEMPLATE
    return None if {f"#{{{place}}}" for place in template.places} <= options.get("variables", {}).keys() else NOT_AS_REGISTERED


def _mails(kind: Kind, message_id: str, message: Mapping[str, Any], fault: Fault | None, now: datetime) -> list[Mail]:
    fails = fault is not None and fault.kind is FaultKind.UNDELIVERED
    pending = fault is not None and fault.kind is FaultKind.PENDING
    options = message.get("kakaoOptions") or {}
    sent_on = fails and fault is not None and fault.resend_status == SENT_ON_BY_DEALER and options.get("disableSms") is False
    template = TEMPLATES.get(str(options.get("templateId")))
    facts = {place[2:-1]: fact for place, fact in options.get("variables", {}).items()}
    mail = Mail(
        kind=kind,
        request_id=message_id,
        recipient_seq=1,
        phone=str(message["to"]),
        title=str(message.get("subject") or "") if kind is not Kind.ALIMTALK else "",
        text=template.render(facts) if template is not None else str(message.get("text")),
        template=template.code if template is not None else "",
        grouping_key=str((message.get("customFields") or {}).get("notificationId", "")),
        delivered=not fails and not pending,
        result_code="" if pending else str((fault and fault.code) or NOT_ON_KAKAO) if fails else RECEIVED,
        resend_status=SENT_ON_BY_DEALER if sent_on else "",
        created_at=now,
    )
    if not sent_on:
        return [mail]
    text = {"kind": Kind.LMS, "title": str(message.get("subject") or ""), "text": str(message.get("text")), "template": ""}
    fields = {name: getattr(mail, name) for name in Mail.__dataclass_fields__}
    return [mail, Mail(**(fields | text | {"request_id": f"{message_id}-replacement", "delivered": True, "grouping_key": ""}))]


def _as_json(mail: Mail) -> dict[str, Any]:
    kinds = {kind: name for name, kind in KINDS.items()}
    replaced = mail.resend_status == SENT_ON_BY_DEALER and not mail.delivered
    return {
        "messageId": mail.request_id,
        "type": "LMS" if replaced else kinds[Kind(mail.kind)],
        "to": mail.phone,
        "text": mail.text,
        "statusCode": RECEIVED if replaced else mail.result_code or AT_CARRIER,
        "replacement": replaced,
        "customFields": {"notificationId": mail.grouping_key} if mail.grouping_key else {},
        "dateCreated": mail.created_at.isoformat(),
    }
