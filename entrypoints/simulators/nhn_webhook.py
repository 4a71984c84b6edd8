"""The look-alike's word of results: sent once, as it happens, to whom it was told to. Who did not hear it has to ask."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from entrypoints.simulators.mailbox import Kind, Mail

PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWebhookSettings:
    """``url`` None: nobody is told. ``signature`` is sent as it is."""

    url: str | None = None
    signature: str = field(default="", repr=False)


class ResultWebhook:
    def __init__(self) -> None:
        self.settings = ResultWebhookSettings()
        self.statuses: list[int | None] = []
        """What each was answered with; None: nobody answered."""
        self._sending: set[asyncio.Task[None]] = set()

    def tell(self, mails: Sequence[Mail]) -> None:
        """Of the AlimTalk among them that have a result."""
        hooks = [_hook(mail) for mail in mails if mail.kind == Kind.ALIMTALK and mail.result_code]
        if self.settings.url is None or not hooks:
            return
        task = asyncio.create_task(self._send(self.settings.url, self.settings.signature, hooks))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def close(self) -> None:
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _send(self, url: str, signature: str, hooks: list[dict[str, Any]]) -> None:
        body = {"hooksId": secrets.token_hex(8), "event": "MESSAGE_RESULT_UPDATE", "hooks": hooks}
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
                answer = await http.post(url, json=body, headers={b"X-Toast-Webhook-Signature": signature.encode()})
                self.statuses.append(answer.status_code)
        except (httpx.RequestError, httpx.InvalidURL):
            self.statuses.append(None)


def _hook(mail: Mail) -> dict[str, Any]:
    return {
        "hookId": secrets.token_hex(8),
        "kakaoMessageType": "ALIMTALK",
        "requestId": mail.request_id,
        "recipientSeq": mail.recipient_seq,
        "recipientNo": mail.phone,
        "resultCode": mail.result_code,
        "recipientGroupingKey": mail.grouping_key,
    }
