"""AlimTalk and SMS through Solapi, v4. It knows no repeats: whoever sends again has to ``find`` first."""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from adapters.notification.euc_kr import LONG_TEXT_BYTES, fitting, is_short
from adapters.notification.result_codes import Answer
from adapters.notification.solapi_client import SolapiClient
from adapters.notification.solapi_codes import FATES, HANDED_OVER
from application.messaging.templates import TEMPLATES
from application.ports.delivery_reports import Fate, Report
from application.ports.notification_channel import Receipt, Rejected
from domain.errors import ChannelUnavailable
from domain.notification import Channel, Notification

log = logging.getLogger(__name__)

NO_CODES: Mapping[str, str] = MappingProxyType({})
OURS = "notificationId"
"""The custom field that names the notification: what a message is found by."""
SEARCHED_BEFORE = timedelta(days=1)
SEARCHED_AFTER = timedelta(days=28)
PAGE = 500
MOST_PAGES = 4
"""A person with more messages than that in a month cannot be looked through, and is not called unsent."""


class SolapiChannel:
    """A NotificationChannel, with DeliveryReports, of both channels.

    ``sender`` is a registered number. With ``dealer_sends_on`` an AlimTalk that cannot be delivered is sent as a text message
    by Solapi itself, and then never by us: when its stand-in will come cannot be told from that it will not.
    """

    def __init__(
        self,
        client: SolapiClient,
        channel: Channel,
        *,
        pf_id: str,
        sender: str,
        template_codes: Mapping[str, str] = NO_CODES,
        dealer_sends_on: bool = False,
    ) -> None:
        self._client = client
        self._channel = channel
        self._pf_id = pf_id
        self._sender = sender
        self._template_codes = template_codes
        self._dealer_sends_on = dealer_sends_on

    async def send(self, notification: Notification) -> Receipt:
        if notification.phone is None:
            raise Rejected("no phone number")
        message = self._alimtalk(notification) if self._channel is Channel.ALIMTALK else self._text(notification)
        message |= {"to": notification.phone, "country": "82", "customFields": {OURS: str(notification.id)}}
        body = {"messages": [message], "allowDuplicates": False, "showMessageList": True}
        code, reference = _handed_over(await self._client.post("/messages/v4/send-many/detail", body))
        match HANDED_OVER.get(code, Answer.LATER):
            case Answer.ACCEPTED:
                return Receipt(reference=reference)
            case Answer.LATER:
                raise ChannelUnavailable(f"status {code}")
            case Answer.MISCONFIGURED:
                log.error("Solapi refuses our account or settings", extra={"code": code})
        raise Rejected(f"status {code}")

    async def find(self, notification: Notification) -> Receipt | None:
        """Raises Rejected where it failed for good and nobody sent it on."""
        found = [message async for message in self._messages_of(notification)]
        fates = [(self._report(message), message) for message in found]
        for report, message in fates:
            if report.fate is not Fate.NOT_DELIVERED:
                return Receipt(reference=str(message.get("messageId", "")))
        if fates:
            raise Rejected(f"delivery {fates[0][0].note}")
        return None

    async def report(self, notification: Notification, reference: str) -> Report:
        reply = await self._client.get("/messages/v4/list", {"messageId": reference, "limit": "1"})
        for message in _listed(reply):
            if message.get("messageId") == reference:
                return self._report(message)
        return Report(fate=Fate.UNDER_WAY, note="not found")

    async def _messages_of(self, notification: Notification) -> AsyncIterator[Mapping[str, Any]]:
        asked = {
            "to": notification.phone or "",
            "startDate": f"{notification.created_at - SEARCHED_BEFORE:%Y-%m-%dT%H:%M:%SZ}",
            "endDate": f"{notification.created_at + SEARCHED_AFTER:%Y-%m-%dT%H:%M:%SZ}",
            "limit": str(PAGE),
        }
        for _ in range(MOST_PAGES):
            reply = await self._client.get("/messages/v4/list", asked)
            for message in _listed(reply):
                if (message.get("customFields") or {}).get(OURS) == str(notification.id):
                    yield message
            if not reply.get("nextKey"):
                return
            asked = asked | {"startKey": str(reply["nextKey"])}
        raise ChannelUnavailable("too many messages to look through")

    def _report(self, message: Mapping[str, Any]) -> Report:
        code = str(message.get("statusCode"))
        fate = FATES.get(int(code), Fate.UNDER_WAY) if code.isascii() and code.isdecimal() else Fate.UNDER_WAY
        stands_in = bool(message.get("replacement"))
        if stands_in and fate is Fate.DELIVERED:
            fate = Fate.DELIVERED_BY_DEALER
        if fate is Fate.NOT_DELIVERED and self._dealer_sends_on and not stands_in:
            fate = Fate.UNDER_WAY
        return Report(fate=fate, note=f"{code} replaced" if stands_in else code)

    def _alimtalk(self, notification: Notification) -> dict[str, Any]:
        code = self._template_codes.get(notification.template, notification.template)
        options = {
            "pfId": self._pf_id,
            "templateId": code,
            "variables": {f"#{{{place}}}": fact for place, fact in notification.facts.items()},
            "disableSms": not self._dealer_sends_on,
        }
        return {"type": "ATA", "kakaoOptions": options, **(self._text(notification, "ATA") if self._dealer_sends_on else {})}

    def _text(self, notification: Notification, kind: str | None = None) -> dict[str, Any]:
        template = TEMPLATES[notification.template]
        text = fitting(template.render(notification.facts), LONG_TEXT_BYTES)
        message = {"type": kind or ("SMS" if is_short(text) else "LMS"), "from": self._sender, "text": text}
        return message if is_short(text) else message | {"subject": template.title}


def _handed_over(reply: Mapping[str, Any]) -> tuple[int, str]:
    """The one message's status code and id, whether it was registered or not."""
    try:
        named: list[Mapping[str, Any]] = [each for part in ("failedMessageList", "messageList") for each in reply.get(part) or ()]
        (message,) = named
        return int(message["statusCode"]), str(message.get("messageId", ""))
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise ChannelUnavailable("a reply that names no message") from fault


def _listed(reply: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """By id, as the API lists them."""
    messages = reply.get("messageList")
    if not isinstance(messages, dict) or not all(isinstance(message, dict) for message in messages.values()):
        raise ChannelUnavailable("a search result that cannot be read")
    yield from messages.values()
