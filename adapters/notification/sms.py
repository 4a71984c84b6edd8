"""SMS through NHN Cloud, v3.0: the backup channel, and the provider's failover apart from AlimTalk's."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from adapters.notification.euc_kr import LONG_TEXT_BYTES, fitting, is_short
from adapters.notification.nhn_client import NhnClient, Reply
from adapters.notification.result_codes import SMS_CODES, Answer
from application.messaging.booking_news import KST
from application.messaging.templates import TEMPLATES, Template
from application.ports.delivery_reports import Fate, Report
from application.ports.notification_channel import Receipt, Rejected
from domain.errors import ChannelUnavailable
from domain.notification import Notification

log = logging.getLogger(__name__)

SEARCHED_BEFORE = timedelta(days=1)
SEARCHED_AFTER = timedelta(days=28)
FAILED_STATUS = "0"
FATES: Mapping[str, Fate] = MappingProxyType(
    {FAILED_STATUS: Fate.NOT_DELIVERED, "3": Fate.DELIVERED, "4": Fate.NOT_DELIVERED, "5": Fate.NOT_DELIVERED}
)
"""By message status; 1 and 2 are on their way, 4 was cancelled, 5 was blocked as the same again."""


class SmsChannel:
    """A NotificationChannel, with DeliveryReports. The API knows no repeats: whoever sends again has to ``find`` first. What
    is too long for 90 bytes of EUC-KR goes as a long message.
    """

    def __init__(self, client: NhnClient, appkey: str, sender_number: str) -> None:
        self._client = client
        self._path = f"/sms/v3.0/appKeys/{appkey}/sender"
        self._sender_number = sender_number

    async def send(self, notification: Notification) -> Receipt:
        if notification.phone is None:
            raise Rejected("no phone number")
        template, text = _worded(notification)
        body: dict[str, Any] = {
            "body": text,
            "sendNo": self._sender_number,
            "recipientList": [{"recipientNo": notification.phone, "recipientGroupingKey": str(notification.id)}],
        }
        if not is_short(text):
            body["title"] = template.title
        reply = await self._client.post(self._path_for(text), body)
        code = _code_for_recipient(reply)
        match SMS_CODES.get(code, Answer.LATER):
            case Answer.ACCEPTED:
                return Receipt(reference=str(reply.content["body"]["data"].get("requestId", "")))
            case Answer.LATER:
                raise ChannelUnavailable(f"result {code}")
            case Answer.MISCONFIGURED:
                log.error("SMS refuses our account or settings", extra={"code": code})
        raise Rejected(f"result {code}")

    async def find(self, notification: Notification) -> Receipt | None:
        """Raises Rejected where it failed for good."""
        _, text = _worded(notification)
        reply = await self._client.get(self._path_for(text), _search(notification))
        if reply.code != 0:
            raise ChannelUnavailable(f"result {reply.code}")
        try:
            found = [one for one in _messages(reply) if one["recipientGroupingKey"] == str(notification.id)]
            standing = [one for one in found if str(one["msgStatus"]) != FAILED_STATUS]
            if standing:
                return Receipt(reference=str(standing[0]["requestId"]))
            if found:
                raise Rejected(f"delivery {found[0].get('resultCode')}")
        except (KeyError, TypeError, AttributeError) as fault:
            raise ChannelUnavailable("a search result that cannot be read") from fault
        return None

    async def report(self, notification: Notification, reference: str) -> Report:
        """Each request of ours has one recipient, the first."""
        _, text = _worded(notification)
        reply = await self._client.get(f"{self._path_for(text)}/{reference}", {"recipientSeq": "1"})
        if reply.code != 0:
            raise ChannelUnavailable(f"result {reply.code}")
        try:
            message = reply.content["body"]["data"]
            if message is None:
                return Report(fate=Fate.UNDER_WAY, note="not found")
            status = str(message["msgStatus"])
            return Report(fate=FATES.get(status, Fate.UNDER_WAY), note=f"{status} {message.get('resultCode')}")
        except (KeyError, TypeError, AttributeError) as fault:
            raise ChannelUnavailable("a result that cannot be read") from fault

    def _path_for(self, text: str) -> str:
        return f"{self._path}/{'sms' if is_short(text) else 'mms'}"


def _worded(notification: Notification) -> tuple[Template, str]:
    template = TEMPLATES[notification.template]
    return template, fitting(template.render(notification.facts), LONG_TEXT_BYTES)


def _code_for_recipient(reply: Reply) -> int:
    """Both levels count."""
    if reply.code != 0:
        return reply.code
    try:
        return int(reply.content["body"]["data"]["sendResultList"][0]["resultCode"])
    except (KeyError, IndexError, TypeError, ValueError) as fault:
        raise ChannelUnavailable("a reply that names no recipient") from fault


def _search(notification: Notification) -> dict[str, str]:
    created = notification.created_at.astimezone(KST)
    return {
        "startRequestDate": f"{created - SEARCHED_BEFORE:%Y-%m-%d %H:%M:%S}",
        "endRequestDate": f"{created + SEARCHED_AFTER:%Y-%m-%d %H:%M:%S}",
        "recipientGroupingKey": str(notification.id),
    }


def _messages(reply: Reply) -> list[Mapping[str, Any]]:
    """A reply of another shape does not say that there is none: raises KeyError."""
    body = reply.content["body"]
    found: list[Mapping[str, Any]] = [] if body is None else body["data"] or []
    return found
