"""What a resolver sees of the system: use cases, views, and who is asking."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry

from application.booking.cancel_reservation import CancelReservation
from application.booking.hold_seats import HoldSeats
from application.booking.pay_by_method import PayByMethod
from application.booking.prepare_payment import PreparePayment
from application.booking.sign_in_as_guest import SignInAsGuest
from application.booking.ticket_codes import TicketCodes
from application.booking.update_contact import UpdateContact
from application.booking.watch_payment import WatchPayment
from application.catalogue.create_concert import CreateConcert
from application.catalogue.watch_seats import WatchSeats
from application.messaging.dead_letters import DeadLetters
from application.messaging.hear_results import HearResults
from application.operations.health import Health
from application.points.prepare_top_up import PrepareTopUp
from application.points.top_up_points import TopUpPoints
from application.ports.clock import Clock
from application.ports.gateway_errand_view import GatewayErrandView
from application.ports.metrics import Metrics
from application.ports.outbox import Outbox
from application.ports.performance_refunds import PerformanceRefunds
from application.queueing.join_queue import JoinQueue
from application.queueing.leave_queue import LeaveQueue
from application.queueing.operate_queue import OperateQueue
from application.queueing.show_position import ShowPosition
from application.queueing.show_queue import ShowQueue
from application.queueing.watch_position import WatchPosition
from application.recovery.cancel_performance import CancelPerformance
from application.recovery.hear_webhook import HearWebhook
from application.recovery.reopen_errand import ReopenErrand
from entrypoints.auth import AccessTokens, Person
from entrypoints.graphql.loaders import Loaders, Views
from entrypoints.graphql.problems import Forbidden, Unauthenticated
from entrypoints.graphql.wording import Language

OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    sign_in_as_guest: SignInAsGuest
    update_contact: UpdateContact
    join_queue: JoinQueue
    leave_queue: LeaveQueue
    show_position: ShowPosition
    watch_position: WatchPosition
    show_queue: ShowQueue
    operate_queue: OperateQueue
    hold_seats: HoldSeats
    pay: PayByMethod
    prepare_payment: PreparePayment
    cancel_reservation: CancelReservation
    watch_payment: WatchPayment
    prepare_top_up: PrepareTopUp
    top_up_points: TopUpPoints
    watch_seats: WatchSeats
    create_concert: CreateConcert
    dead_letters: DeadLetters
    cancel_performance: CancelPerformance
    hear_webhook: HearWebhook
    hear_results: HearResults
    reopen_errand: ReopenErrand
    health: Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all requests share."""

    use_cases: UseCases
    views: Views
    access_tokens: AccessTokens
    ticket_codes: TicketCodes
    outbox: Outbox
    refunds: PerformanceRefunds
    errands: GatewayErrandView
    clock: Clock
    metrics: Metrics
    guests: bool
    client_key: str


class Context:
    """One per HTTP request, or per socket: there the person comes with ``connection_init``."""

    def __init__(self, services: Services, *, language: Language, correlation_id: str, person: Person | None, refused: str | None) -> None:
        self.services = services
        self.use_cases = services.use_cases
        self.views = services.views
        self.loaders = Loaders(services.views, services.clock)
        self.language = language
        self.correlation_id = correlation_id
        self.visitor = person
        self.refused = refused
        self.connection_params: dict[str, Any] = {}

    def now(self) -> datetime:
        return self.services.clock.now()

    def person(self) -> Person:
        """Whoever is signed in. Raises Unauthenticated."""
        if self.visitor is None:
            raise Unauthenticated(self.refused or "sign in first: Authorization: Bearer <token>")
        if self.visitor.expires_at <= self.now().timestamp():
            raise Unauthenticated("the token has expired")
        return self.visitor

    def operator(self) -> Person:
        """Raises Unauthenticated or Forbidden."""
        person = self.person()
        if OPERATOR not in person.roles:
            raise Forbidden("this takes the role operator")
        return person


Info = strawberry.Info[Context, None]
