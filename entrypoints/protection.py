"""How calls to what may fail are guarded: which circuits there are, when they open, and how often a provider is asked."""

from collections.abc import Mapping
from dataclasses import replace

from adapters.breaker import guarded_gateway
from adapters.breaker.local_circuits import LocalCircuits
from adapters.breaker.policy import CircuitPolicy, PolicyOf, policies
from adapters.breaker.shared_circuits import SharedCircuits
from adapters.redis.client import connect
from adapters.redis.rate_limiter import Rate
from adapters.redis.store import RedisStore
from application.booking import ticket_issuance
from application.ports.metrics import Metrics
from application.ports.sleeper import Sleeper
from entrypoints.setting_values import EMBEDDED_REDIS
from entrypoints.settings import Settings

ALIMTALK, SMS = "alimtalk", "sms"
"""The circuits of the channels, and their providers' rates."""
CIRCUITS = (guarded_gateway.CONFIRM, guarded_gateway.CANCEL, ALIMTALK, SMS, ticket_issuance.CIRCUIT)
REDIS_SECONDS = 0.1
"""What a guarded call may wait for Redis, once a second: it can do without."""
GATEWAY_SLOW_SECONDS = 20.0
"""Cards take seconds; the deadline is 65."""
CHANNEL_SLOW_SECONDS = 5.0
ATTEMPT_SLOW_SECONDS = 8.0
"""As long as a caller is patient: a busy database is not a broken one."""
SHORT_PROBE_SECONDS = 15.0
"""Longer than a channel's deadline and than an attempt to pay."""


def circuit_policies(settings: Settings) -> PolicyOf:
    usual = CircuitPolicy(threshold=settings.circuit_threshold, open_seconds=settings.circuit_open_seconds)
    gateway = replace(usual, slow_seconds=GATEWAY_SLOW_SECONDS)
    channel = replace(usual, slow_seconds=CHANNEL_SLOW_SECONDS, probe_seconds=SHORT_PROBE_SECONDS)
    return policies(
        {
            guarded_gateway.CONFIRM: gateway,
            guarded_gateway.CANCEL: gateway,
            ALIMTALK: channel,
            SMS: channel,
            ticket_issuance.CIRCUIT: replace(usual, slow_seconds=ATTEMPT_SLOW_SECONDS, probe_seconds=SHORT_PROBE_SECONDS),
        },
        usual,
    )


def shared_store(redis_url: str) -> RedisStore | None:
    """Connections of their own, which are given up soon; None where one process is all there is."""
    return None if redis_url == EMBEDDED_REDIS else connect(redis_url, timeout_seconds=REDIS_SECONDS)


def circuits(store: RedisStore | None, policy_of: PolicyOf, sleeper: Sleeper, metrics: Metrics) -> LocalCircuits | SharedCircuits:
    local = LocalCircuits(policy_of, sleeper.elapsed)
    if store is None:
        return local
    return SharedCircuits(store.client, local, policy_of, sleeper.elapsed, metrics, deadline_seconds=REDIS_SECONDS)


def rates(settings: Settings) -> Mapping[str, Rate]:
    """A second's calls may come at once."""
    return {
        guarded_gateway.PROVIDER: Rate(per_second=settings.gateway_rate, burst=settings.gateway_rate),
        ALIMTALK: Rate(per_second=settings.alimtalk_rate, burst=settings.alimtalk_rate),
        SMS: Rate(per_second=settings.sms_rate, burst=settings.sms_rate),
    }
