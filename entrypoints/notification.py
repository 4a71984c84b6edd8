"""Which company carries what fans are told: NHN Cloud, or Solapi."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from adapters.notification.alimtalk import AlimtalkChannel
from adapters.notification.nhn_client import NhnClient
from adapters.notification.sms import SmsChannel
from adapters.notification.solapi import SolapiChannel
from adapters.notification.solapi_client import SolapiClient
from application.messaging.send_notifications import KNOWN_BY_NHN, NEVER
from application.ports.clock import Clock
from application.ports.delivery_reports import DeliveryReports
from application.ports.notification_channel import NotificationChannel
from domain.notification import Channel
from entrypoints.settings import ProviderSettings, Settings, SolapiSettings
from entrypoints.simulators.together import NHN_PATH, SOLAPI_PATH


class ReportingChannel(NotificationChannel, DeliveryReports, Protocol):
    """One that is asked, too, what became of what it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """``repeats_known``: for how long it takes a repeat for what it is."""

    alimtalk: ReportingChannel
    sms: ReportingChannel
    repeats_known: Mapping[Channel, timedelta]
    closes: tuple[Callable[[], Awaitable[None]], ...]

    async def close(self) -> None:
        for close in self.closes:
            await close()


def carrier(settings: Settings, clock: Clock) -> Carrier:
    """Without a URL: the simulator that this very process serves."""
    return _nhn(settings) if settings.solapi is None else _solapi(settings.solapi, settings, clock)


def _nhn(settings: Settings) -> Carrier:
    def client(provider: ProviderSettings) -> NhnClient:
        return NhnClient(provider.url or f"http://127.0.0.1:{settings.port}{NHN_PATH}", provider.secret_key)

    alimtalk, sms = client(settings.alimtalk), client(settings.sms)
    return Carrier(
        alimtalk=AlimtalkChannel(
            alimtalk,
            settings.alimtalk.appkey,
            settings.alimtalk.sender,
            template_codes=settings.templates,
            failover_sender=settings.failover_sender,
        ),
        sms=SmsChannel(sms, settings.sms.appkey, settings.sms.sender),
        repeats_known=KNOWN_BY_NHN,
        closes=(alimtalk.close, sms.close),
    )


def _solapi(account: SolapiSettings, settings: Settings, clock: Clock) -> Carrier:
    client = SolapiClient(account.url or f"http://127.0.0.1:{settings.port}{SOLAPI_PATH}", account.api_key, account.api_secret, clock)

    def channel(which: Channel) -> SolapiChannel:
        return SolapiChannel(
            client,
            which,
            pf_id=account.pf_id,
            sender=settings.failover_sender or account.sender if which is Channel.ALIMTALK else account.sender,
            template_codes=settings.templates,
            dealer_sends_on=which is Channel.ALIMTALK and settings.failover_sender is not None,
        )

    return Carrier(alimtalk=channel(Channel.ALIMTALK), sms=channel(Channel.SMS), repeats_known=NEVER, closes=(client.close,))
