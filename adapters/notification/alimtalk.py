"""KakaoTalk AlimTalk through NHN Cloud, v2.3."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from adapters.notification.euc_kr import LONG_TEXT_BYTES, fitting
from adapters.notification.nhn_client import NhnClient, Reply
from adapters.notification.result_codes import (
    ALIMTALK_CODES,
    ALL_RECIPIENTS_FAILED,
    MESSAGE_NOT_FOUND,
    NOT_SENT_ON_BY_DEALER,
    SENT_ON_BY_DEALER,
    UNCONFIRMED_DELIVERY,
    Answer,
)
from application.messaging.booking_news import KST
from application.messaging.templates import TEMPLATES
from application.ports.delivery_reports import Fate, Report
from application.ports.notification_channel import Receipt, Rejected
from domain.errors import ChannelUnavailable
from domain.notification import Notification

log = logging.getLogger(__name__)

NO_CODES: Mapping[str, str] = MappingProxyType({})
SEARCHED_BEFORE = timedelta(days=1)
SEARCHED_AFTER = timedelta(days=28)
"""Together less than the 30 days that one search may span."""


class AlimtalkChannel:
    """A NotificationChannel, with DeliveryReports. The notification's id is the idempotency key and the grouping key of each attempt.

    ``template_codes``: ours → the provider's, where they differ. With ``failover_sender``, a number registered with the
    SMS service, the provider itself sends a long SMS where Kakao could not deliver.
    """

    def __init__(
        self,
        client: NhnClient,
        appkey: str,
        sender_key: str,
        *,
        template_codes: Mapping[str, str] = NO_CODES,
        failover_sender: str | None = None,
    ) -> None:
        self._client = client
        self._path = f"/alimtalk/v2.3/appkeys/{appkey}/messages"
        self._sender_key = sender_key
        self._template_codes = template_codes
        self._failover_sender = failover_sender

    async def send(self, notification: Notification) -> Receipt:
        if notification.phone is None:
            raise Rejected("no phone number")
        reply = await self._client.post(self._path, self._body(notification), {"X-NC-API-IDEMPOTENCY-KEY": str(notification.id)})
        code = _code_for_recipient(reply)
        match ALIMTALK_CODES.get(code, Answer.LATER):
            case Answer.ACCEPTED:
                return Receipt(reference=_reference(reply.content["message"]))
            case Answer.REPEATED:
                return await self._earlier(notification)
            case Answer.LATER:
                raise ChannelUnavailable(f"result {code}")
            case Answer.MISCONFIGURED:
                log.error("AlimTalk refuses our account or settings", extra={"code": code})
        raise Rejected(f"result {code}")

    async def find(self, notification: Notification) -> Receipt | None:
        """Raises Rejected where it failed for good and nobody sent it on."""
        reply = await self._client.get(self._path, _search(notification))
        if reply.code != 0:
            raise ChannelUnavailable(f"result {reply.code}")
        try:
            found = [one for one in _messages(reply) if one["recipientGroupingKey"] == str(notification.id)]
            standing = [one for one in found if not _failed_for_good(one)]
            if standing:
                return Receipt(reference=_reference(standing[0]))
            if found:
                raise Rejected(f"delivery {found[0].get('resultCode')}")
        except (KeyError, TypeError, AttributeError) as fault:
            raise ChannelUnavailable("a search result that cannot be read") from fault
        return None

    async def report(self, notification: Notification, reference: str) -> Report:
        """Each request of ours has one recipient, the first."""
        reply = await self._client.get(f"{self._path}/{reference}/1", {})
        if reply.code == MESSAGE_NOT_FOUND:
            return Report(fate=Fate.UNDER_WAY, note="not found")
        if reply.code != 0:
            raise ChannelUnavailable(f"result {reply.code}")
        try:
            return _report(reply.content.get("message"))
        except (KeyError, TypeError, AttributeError) as fault:
            raise ChannelUnavailable("a result that cannot be read") from fault

    async def _earlier(self, notification: Notification) -> Receipt:
        """The first request was taken; where the provider cannot show it yet, it is asked again later."""
        if (receipt := await self.find(notification)) is None:
            raise ChannelUnavailable("taken before, and not found yet")
        return receipt

    def _body(self, notification: Notification) -> dict[str, Any]:
        return {
            "senderKey": self._sender_key,
            "templateCode": self._template_codes.get(notification.template, notification.template),
            "recipientList": [
                {
                    "recipientNo": notification.phone,
                    "templateParameter": dict(notification.facts),
                    "resendParameter": self._failover(notification),
                    "recipientGroupingKey": str(notification.id),
                }
            ],
        }

    def _failover(self, notification: Notification) -> dict[str, Any]:
        if self._failover_sender is None:
            return {"isResend": False}
        template = TEMPLATES[notification.template]
        return {
            "isResend": True,
            "resendType": "LMS",
            "resendTitle": template.title,
            "resendContent": fitting(template.render(notification.facts), LONG_TEXT_BYTES),
            "resendSendNo": self._failover_sender,
        }


def _code_for_recipient(reply: Reply) -> int:
    """Both levels count: a request that was taken may have a recipient that was not, and the other way round."""
    if reply.code not in (0, ALL_RECIPIENTS_FAILED):
        return reply.code
    try:
        return int(reply.content["message"]["sendResults"][0]["resultCode"])
    except (KeyError, IndexError, TypeError, ValueError) as fault:
        raise ChannelUnavailable("a reply that names no recipient") from fault


def _search(notification: Notification) -> dict[str, str]:
    created = notification.created_at.astimezone(KST)
    return {
        "startRequestDate": f"{created - SEARCHED_BEFORE:%Y-%m-%d %H:%M}",
        "endRequestDate": f"{created + SEARCHED_AFTER:%Y-%m-%d %H:%M}",
        "recipientGroupingKey": str(notification.id),
    }


def _messages(reply: Reply) -> list[dict[str, Any]]:
    """A reply of another shape does not say that there is none: raises KeyError."""
    envelope = reply.content["messageSearchResultResponse"]
    found: list[dict[str, Any]] = [] if envelope is None else envelope["messages"] or []
    return found


def _failed_for_good(message: Mapping[str, Any]) -> bool:
    return (
        message["messageStatus"] == "FAILED"
        and str(message.get("resultCode")) != UNCONFIRMED_DELIVERY
        and message["resendStatus"] in NOT_SENT_ON_BY_DEALER
    )


def _report(message: Mapping[str, Any] | None) -> Report:
    """The dealer's own text message counts before all else; then a doubtful delivery is none that failed."""
    if message is None:
        return Report(fate=Fate.UNDER_WAY, note="not found")
    status, code, resend = message["messageStatus"], str(message.get("resultCode")), message.get("resendStatus")
    note = f"{status} {code} {resend}"
    if resend == SENT_ON_BY_DEALER:
        return Report(fate=Fate.DELIVERED_BY_DEALER, note=note)
    if code == UNCONFIRMED_DELIVERY:
        return Report(fate=Fate.DOUBTFUL, note=note)
    if status == "COMPLETED":
        return Report(fate=Fate.DELIVERED, note=note)
    failed = status == "FAILED" and resend in NOT_SENT_ON_BY_DEALER
    return Report(fate=Fate.NOT_DELIVERED if failed else Fate.UNDER_WAY, note=note)


def _reference(message: Mapping[str, Any]) -> str:
    return str(message.get("requestId", ""))
