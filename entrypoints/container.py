"""What the system is made of: the one place that knows adapters and use cases. Nothing here waits; ``processes`` opens and closes."""

from operator import attrgetter
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from dependency_injector import containers, providers

from adapters.breaker.guarded_channel import GuardedChannel
from adapters.breaker.guarded_gateway import GuardedGateway
from adapters.breaker.purgatory_breaker import PurgatoryCircuitBreaker
from adapters.embedded.broker import EmbeddedBroker, EmbeddedSubscriber
from adapters.embedded.redis import embedded_redis, process_marker
from adapters.kafka.dead_letter_topic import KafkaDeadLetterTopic
from adapters.kafka.publisher import KafkaPublisher
from adapters.kafka.subscriber import KafkaSubscriber
from adapters.kafka.topics import topic_named
from adapters.redis.admission import RedisAdmission
from adapters.redis.client import connect
from adapters.redis.pass_checks import RedisPassChecks
from adapters.redis.probe import RedisProbe
from adapters.redis.queue_changes import RedisQueueChanges
from adapters.redis.queue_recovery import RedisQueueRecovery
from adapters.redis.rate_limiter import RedisRateLimiter
from adapters.redis.store import RedisStore
from adapters.redis.waiting_queue import RedisWaitingQueue
from adapters.sql.booking_view import SqlBookingView
from adapters.sql.catalogue_store import SqlCatalogueStore
from adapters.sql.concert_view import SqlConcertView
from adapters.sql.database import database_at
from adapters.sql.dead_letter_queue import SqlDeadLetterQueue
from adapters.sql.delivery_queue import SqlDeliveryQueue
from adapters.sql.gateway_errands import SqlGatewayErrands, SqlGatewayErrandView
from adapters.sql.idempotency_records import SqlIdempotencyRecords
from adapters.sql.notification_queue import SqlNotificationQueue
from adapters.sql.old_rows import (
    closed_errands,
    dead_letter_audit,
    ended_letters,
    ended_notifications,
    handled_keys,
    inbox_entries,
    payment_orders,
    published_messages,
)
from adapters.sql.outbox import SqlOutbox
from adapters.sql.performance_refunds import SqlPerformanceRefunds
from adapters.sql.person_view import SqlPersonView
from adapters.sql.probe import SqlProbe
from adapters.sql.queue_view import SqlQueueView
from adapters.sql.seat_holders import SqlSeatHolders
from adapters.sql.seat_view import SqlSeatView
from adapters.sql.slow_statements import SlowStatements
from adapters.sql.top_up_view import SqlTopUpView
from adapters.sql.unit_of_work import SqlUnitOfWork
from adapters.system.clock import SystemClock
from adapters.system.hints import SystemHints
from adapters.system.ids import Uuid7Generator
from adapters.system.jitter import RandomJitter
from adapters.system.sleeper import AsyncioSleeper
from adapters.system.wake import Wake
from adapters.telemetry.alerts import LoggedAlerts
from adapters.telemetry.metrics import PrometheusMetrics
from adapters.toss.gateway import TossPaymentGateway
from application.booking.cancel_reservation import CancelReservation
from application.booking.hold_seats import HoldSeats
from application.booking.pay import Pay
from application.booking.pay_by_card import PayByCard
from application.booking.pay_by_method import PayByMethod
from application.booking.payment_end import PaymentEnd
from application.booking.prepare_payment import PreparePayment
from application.booking.sign_in_as_guest import GUESTS, SignInAsGuest
from application.booking.ticket_codes import TicketCodes
from application.booking.ticket_issuance import TicketIssuance
from application.booking.update_contact import UpdateContact
from application.booking.watch_payment import WatchPayment
from application.catalogue.create_concert import CreateConcert
from application.catalogue.watch_seats import WatchSeats
from application.event_listeners import LISTENERS
from application.messaging.bury_poison import BuryPoison
from application.messaging.consume_messages import ConsumeMessages
from application.messaging.dead_letters import DeadLetters
from application.messaging.follow_deliveries import FollowDeliveries
from application.messaging.hear_results import HearResults
from application.messaging.paced_reports import PacedReports
from application.messaging.relay_outbox import RelayOutbox
from application.messaging.send_notifications import SendNotifications
from application.operations.health import Health
from application.patience import Patience
from application.points.prepare_top_up import PrepareTopUp
from application.points.top_up_end import TopUpEnd
from application.points.top_up_points import TopUpPoints
from application.ports.clock import Clock
from application.queueing.admit_buyers import AdmitBuyers
from application.queueing.epochs import Epochs
from application.queueing.forget_queue import ForgetQueue
from application.queueing.join_queue import JoinQueue
from application.queueing.leave_queue import LeaveQueue
from application.queueing.operate_queue import OperateQueue
from application.queueing.queue_tokens import QueueTokens
from application.queueing.recover_queue import RecoverQueue
from application.queueing.sales import Sales
from application.queueing.settle_slots import SettleSlots
from application.queueing.show_position import ShowPosition
from application.queueing.show_queue import ShowQueue
from application.queueing.standings import Standings
from application.queueing.watch_position import ConcertWatches, WatchPosition
from application.recovery.cancel_performance import CancelPerformance, RefundCancelledPerformances
from application.recovery.expire_holds import ExpireHolds
from application.recovery.hear_webhook import HearWebhook
from application.recovery.purge import OldAttempts, OldMessages, Purge
from application.recovery.reopen_errand import ReopenErrand
from application.recovery.run_errands import RunErrands
from application.recovery.settle_errand import SettleErrand
from application.retrying import Retrying
from application.transactor import Transactor
from domain.notification import Channel
from entrypoints.auth import AccessTokens
from entrypoints.graphql.context import Services, UseCases
from entrypoints.graphql.loaders import Views
from entrypoints.notification import carrier
from entrypoints.protection import ALIMTALK, SMS, circuit_policies, circuits, rates, shared_store
from entrypoints.published_keys import IssuersKeys
from entrypoints.setting_values import EMBEDDED_KAFKA, EMBEDDED_REDIS
from entrypoints.settings import AccessTokenSettings, Settings, TossSettings
from entrypoints.simulators.together import TOSS_PATH

CONSUMERS = "notifications"
"""The name under which the consumers of all processes share the broker's partitions."""


def sqlite_path(settings: Settings) -> Path:
    """Where the database lies, which is the embedded broker's too. Raises ValueError for a server's URL."""
    url = urlsplit(settings.database_url)
    if url.scheme != "sqlite":
        raise ValueError("CONCERT_KAFKA_BOOTSTRAP embedded keeps its log in the SQLite file: set a broker beside a database server")
    return Path(settings.database_url.removeprefix("sqlite:///"))


def queue_store(redis_url: str) -> RedisStore:
    return RedisStore(embedded_redis(), process_marker) if redis_url == EMBEDDED_REDIS else connect(redis_url)


def broker(settings: Settings, clock: Clock) -> EmbeddedBroker | None:
    return EmbeddedBroker(sqlite_path(settings), clock) if settings.kafka_bootstrap == EMBEDDED_KAFKA else None


def publisher(embedded: EmbeddedBroker | None, settings: Settings) -> EmbeddedBroker | KafkaPublisher:
    return embedded or KafkaPublisher(settings.kafka_bootstrap, topic_named(settings.kafka_prefix))


def dead_letter_topic(embedded: EmbeddedBroker | None, settings: Settings) -> EmbeddedBroker | KafkaDeadLetterTopic:
    return embedded or KafkaDeadLetterTopic(settings.kafka_bootstrap)


def subscriber(embedded: EmbeddedBroker | None, settings: Settings) -> EmbeddedSubscriber | KafkaSubscriber:
    if embedded is not None:
        return embedded.subscriber(CONSUMERS)
    return KafkaSubscriber(settings.kafka_bootstrap, f"{settings.kafka_prefix}{CONSUMERS}", topic_named(settings.kafka_prefix))


def access_tokens(settings: AccessTokenSettings, clock: Clock) -> AccessTokens:
    return AccessTokens(
        clock,
        secret=settings.secret,
        keys=None if settings.jwks_url is None else IssuersKeys(settings.jwks_url),
        issuer=settings.issuer,
        audience=settings.audience,
        own_issuers=(GUESTS,),
    )


def payment_gateway(toss: TossSettings, port: int) -> TossPaymentGateway:
    """Without a URL: the simulator that this very process serves."""
    return TossPaymentGateway(toss.url or f"http://127.0.0.1:{port}{TOSS_PATH}", toss.secret_key)


class Container(containers.DeclarativeContainer):
    settings = providers.Dependency(instance_of=Settings)

    # --- the world ------------------------------------------------------------------------------------------------
    clock = providers.Singleton(SystemClock)
    sleeper = providers.Singleton(AsyncioSleeper)
    jitter = providers.Singleton(RandomJitter)
    ids = providers.Singleton(Uuid7Generator)
    metrics = providers.Singleton(PrometheusMetrics)
    owner = providers.Singleton(lambda: f"process-{uuid4().hex}")
    """Names this process among all that claim work."""

    slow_statements = providers.Singleton(SlowStatements, metrics, settings.provided.slow_statement_seconds)
    database = providers.Singleton(database_at, settings.provided.database_url, slow_statements)
    unit_of_work = providers.Singleton(SqlUnitOfWork, database, clock, metrics, slow_seconds=settings.provided.slow_statement_seconds)
    holders = providers.Singleton(SqlSeatHolders, database)
    outbox = providers.Singleton(SqlOutbox, database)
    dead_letters = providers.Singleton(SqlDeadLetterQueue, database)
    notifications = providers.Singleton(SqlNotificationQueue, database)
    deliveries = providers.Singleton(SqlDeliveryQueue, database)
    idempotency = providers.Singleton(SqlIdempotencyRecords, database)
    catalogue = providers.Singleton(SqlCatalogueStore, database, clock)
    concerts = providers.Singleton(SqlConcertView, database)
    seats = providers.Singleton(SqlSeatView, database)
    bookings = providers.Singleton(SqlBookingView, database)
    people = providers.Singleton(SqlPersonView, database)
    queues = providers.Singleton(SqlQueueView, database)

    store = providers.Singleton(queue_store, settings.provided.redis_url)
    line = providers.Singleton(RedisWaitingQueue, store)
    admission = providers.Singleton(RedisAdmission, store, settings.provided.pass_duration)
    queue_changes = providers.Singleton(RedisQueueChanges, store)
    queue_recovery = providers.Singleton(RedisQueueRecovery, store)

    embedded_broker = providers.Singleton(broker, settings, clock)
    publisher = providers.Singleton(publisher, embedded_broker, settings)
    subscriber = providers.Singleton(subscriber, embedded_broker, settings)
    dead_letter_topic = providers.Singleton(dead_letter_topic, embedded_broker, settings)

    carrier = providers.Singleton(carrier, settings, clock)
    alimtalk = providers.Callable(attrgetter("alimtalk"), carrier)
    sms = providers.Callable(attrgetter("sms"), carrier)
    toss = providers.Singleton(payment_gateway, settings.provided.toss, settings.provided.port)
    errands = providers.Singleton(SqlGatewayErrands, database)
    errand_view = providers.Singleton(SqlGatewayErrandView, database)
    top_ups = providers.Singleton(SqlTopUpView, database)
    refunds = providers.Singleton(SqlPerformanceRefunds, database)
    alerts = providers.Singleton(LoggedAlerts, metrics)

    protection_store = providers.Singleton(shared_store, settings.provided.redis_url)
    circuit_policies = providers.Singleton(circuit_policies, settings)
    circuits = providers.Singleton(circuits, protection_store, circuit_policies, sleeper, metrics)
    breaker = providers.Singleton(PurgatoryCircuitBreaker, circuits, circuit_policies, sleeper.provided.elapsed, metrics)
    limiter = providers.Singleton(RedisRateLimiter, protection_store, providers.Singleton(rates, settings), sleeper, metrics)
    gateway = providers.Singleton(GuardedGateway, toss, breaker, limiter, sleeper.provided.elapsed, toss.provided.close)
    guarded_alimtalk = providers.Singleton(GuardedChannel, ALIMTALK, alimtalk, breaker, limiter, sleeper.provided.elapsed)
    guarded_sms = providers.Singleton(GuardedChannel, SMS, sms, breaker, limiter, sleeper.provided.elapsed)

    wake = providers.Factory(Wake)
    relay_wake = providers.Singleton(Wake)
    admitter_wake = providers.Singleton(Wake)
    gateway_wake = providers.Singleton(Wake)
    pass_checks = providers.Singleton(RedisPassChecks, store, metrics, admitter_wake.provided.set)
    hints = providers.Singleton(SystemHints, pass_checks.provided.put, relay_wake, gateway_wake)

    # --- the core -------------------------------------------------------------------------------------------------
    transactor = providers.Singleton(Transactor, unit_of_work, providers.Callable(lambda: LISTENERS), hints, metrics)
    retrying = providers.Singleton(Retrying, sleeper, jitter, metrics)
    tokens = providers.Singleton(QueueTokens, settings.provided.queue_token_keys)
    ticket_codes = providers.Singleton(TicketCodes, settings.provided.ticket_secret)
    access_tokens = providers.Singleton(access_tokens, settings.provided.access_tokens, clock)

    standings = providers.Singleton(Standings, tokens, clock)
    sales = providers.Singleton(Sales, concerts, queues, sleeper)
    recover_queue = providers.Singleton(RecoverQueue, transactor, queues, queue_recovery, clock, ids, metrics)
    epochs = providers.Singleton(Epochs, sales, recover_queue, sleeper)
    watches = providers.Singleton(ConcertWatches, sales, epochs, queue_changes, queues, clock, metrics)
    create_concert = providers.Singleton(CreateConcert, catalogue, ids)
    health = providers.Singleton(
        Health,
        needed=providers.List(providers.Singleton(SqlProbe, database)),
        helpful=providers.List(providers.Singleton(RedisProbe, store)),
        metrics=metrics,
    )

    relay_outbox = providers.Singleton(
        RelayOutbox, outbox, publisher, ids, jitter, metrics, owner, lease_seconds=settings.provided.lease_seconds
    )
    bury_poison = providers.Singleton(BuryPoison, dead_letters, dead_letter_topic, clock, ids, metrics)
    consume_messages = providers.Singleton(ConsumeMessages, subscriber, transactor, retrying, people, bury_poison, metrics)
    channels = providers.Dict({Channel.ALIMTALK: guarded_alimtalk, Channel.SMS: guarded_sms})
    send_notifications = providers.Singleton(
        SendNotifications,
        notifications,
        channels,
        clock,
        sleeper,
        jitter,
        metrics,
        owner,
        lease_seconds=settings.provided.lease_seconds,
        repeats_known=carrier.provided.repeats_known,
    )
    reports = providers.Dict(
        {
            Channel.ALIMTALK: providers.Singleton(PacedReports, ALIMTALK, alimtalk, limiter),
            Channel.SMS: providers.Singleton(PacedReports, SMS, sms, limiter),
        }
    )
    follow_deliveries = providers.Singleton(
        FollowDeliveries, deliveries, reports, clock, jitter, metrics, owner, lease_seconds=settings.provided.lease_seconds
    )
    expire_holds = providers.Singleton(ExpireHolds, transactor, retrying, holders, clock)
    old_messages = providers.Singleton(
        OldMessages,
        published=providers.Singleton(published_messages, database),
        inbox=providers.Singleton(inbox_entries, database),
        handled_keys=providers.Singleton(handled_keys, database),
        ended_letters=providers.Singleton(ended_letters, database),
        audit=providers.Singleton(dead_letter_audit, database),
        notifications=providers.Singleton(ended_notifications, database),
    )
    old_attempts = providers.Singleton(
        OldAttempts, errands=providers.Singleton(closed_errands, database), orders=providers.Singleton(payment_orders, database)
    )
    decide_on_dead_letters = providers.Singleton(DeadLetters, dead_letters, clock)
    purge = providers.Singleton(Purge, old_messages, old_attempts, idempotency, clock)
    patience = providers.Singleton(Patience, sleeper)
    payment_end = providers.Singleton(PaymentEnd, bookings, patience)
    issuance = providers.Singleton(TicketIssuance, breaker)
    settle_errand = providers.Singleton(SettleErrand, transactor, retrying, bookings, top_ups, alerts, issuance)
    run_errands = providers.Singleton(RunErrands, errands, gateway, settle_errand, alerts, owner)
    refund_performances = providers.Singleton(RefundCancelledPerformances, transactor, retrying, refunds)
    settle_slots = providers.Singleton(SettleSlots, transactor, queues, clock, metrics, settings.provided.pass_duration)
    forget_queue = providers.Singleton(ForgetQueue, sales, queue_recovery, clock)
    admit_buyers = providers.Singleton(AdmitBuyers, admission, settle_slots, recover_queue, forget_queue, queues, clock, sleeper, metrics)

    use_cases = providers.Singleton(
        UseCases,
        sign_in_as_guest=providers.Singleton(SignInAsGuest, transactor, retrying, ids),
        update_contact=providers.Singleton(UpdateContact, transactor, retrying),
        join_queue=providers.Singleton(JoinQueue, sales, epochs, line, queues, transactor, standings, tokens, clock),
        leave_queue=providers.Singleton(LeaveQueue, sales, epochs, line, queues, transactor, retrying, standings, clock),
        show_position=providers.Singleton(ShowPosition, sales, epochs, line, queues, standings, clock),
        watch_position=providers.Singleton(WatchPosition, sales, watches, standings),
        show_queue=providers.Singleton(ShowQueue, sales, line),
        operate_queue=providers.Singleton(OperateQueue, transactor, retrying, queue_recovery, sales),
        hold_seats=providers.Singleton(HoldSeats, transactor, retrying, tokens, holders, clock, ids, settings.provided.hold_duration),
        pay=providers.Singleton(
            PayByMethod,
            providers.Singleton(Pay, transactor, retrying, tokens, ids, issuance),
            providers.Singleton(PayByCard, transactor, retrying, tokens, payment_end, issuance),
        ),
        prepare_payment=providers.Singleton(PreparePayment, transactor, retrying, tokens, ids),
        cancel_reservation=providers.Singleton(CancelReservation, transactor, retrying, holders, payment_end),
        watch_payment=providers.Singleton(WatchPayment, bookings, top_ups, sleeper),
        prepare_top_up=providers.Singleton(PrepareTopUp, transactor, retrying, ids),
        top_up_points=providers.Singleton(TopUpPoints, transactor, retrying, providers.Singleton(TopUpEnd, top_ups, patience)),
        cancel_performance=providers.Singleton(CancelPerformance, transactor, retrying),
        hear_webhook=providers.Singleton(HearWebhook, errands, bookings, top_ups, hints),
        hear_results=providers.Singleton(HearResults, deliveries),
        reopen_errand=providers.Singleton(ReopenErrand, transactor, retrying),
        watch_seats=providers.Singleton(WatchSeats, concerts, seats, clock, sleeper),
        create_concert=create_concert,
        dead_letters=decide_on_dead_letters,
        health=health,
    )
    services = providers.Singleton(
        Services,
        use_cases=use_cases,
        views=providers.Singleton(Views, concerts=concerts, seats=seats, bookings=bookings, people=people, top_ups=top_ups),
        access_tokens=access_tokens,
        ticket_codes=ticket_codes,
        outbox=outbox,
        refunds=refunds,
        errands=errand_view,
        clock=clock,
        metrics=metrics,
        guests=settings.provided.guests,
        client_key=settings.provided.toss.client_key,
    )
