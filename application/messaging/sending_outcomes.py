"""How one pass over one notification can end."""

from dataclasses import dataclass
from typing import TypeAlias

from application.ports.notification_channel import Receipt
from application.ports.notification_queue import DueNotification


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not sent, or not known to be: asked again after ``seconds``. ``as_it_was``: what was begun since then was no attempt."""

    fault: str
    seconds: float
    as_it_was: DueNotification | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Over for this channel. ``by_backup``: nothing of it has reached the provider for good, so the next one may."""

    fault: str
    by_backup: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """It has not left, and what it says is no longer true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The lease is another's by now, and so is the notification."""


Outcome: TypeAlias = Sent | Later | Failed | Outdated | Lost
