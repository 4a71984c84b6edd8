"""The five points at which a keyed request can meet a fault and live to ask again; each request meets its own, once."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from application.ports.payment_gateway import AnswerClass, ConfirmRequest, GatewayAnswer
from application.ports.unit_of_work import ResultT, Transaction, UnitOfWork
from domain.errors import NotCommitted, OutcomeUnknown


class FaultPoint(StrEnum):
    BEFORE_COMMIT = "BEFORE_COMMIT"
    """The connection is lost before the COMMIT left."""
    AFTER_COMMIT = "AFTER_COMMIT"
    """The COMMIT was done, its answer lost."""
    BEFORE_REQUEST = "BEFORE_REQUEST"
    """The request to the gateway is lost on its way."""
    AFTER_REQUEST = "AFTER_REQUEST"
    """The gateway has done it, its answer is lost."""
    CALLER_GONE = "CALLER_GONE"
    """Whoever asked hangs up in the middle, and asks again."""


@dataclass(slots=True)
class Plan:
    """Which faults are still to happen: to the requests of these names, to the orders of these ids."""

    at: FaultPoint
    requests: set[str] = field(default_factory=set)
    orders: set[str] = field(default_factory=set)


REQUEST: ContextVar[str] = ContextVar("REQUEST", default="")
"""The name of the request that is being served."""


class FaultyUnitOfWork:
    def __init__(self, unit_of_work: UnitOfWork, plan: Plan) -> None:
        self._unit_of_work = unit_of_work
        self._plan = plan

    async def run(self, transaction: Transaction[ResultT]) -> ResultT:
        due = REQUEST.get() in self._plan.requests
        self._plan.requests.discard(REQUEST.get())
        if due and self._plan.at is FaultPoint.BEFORE_COMMIT:
            raise NotCommitted("the connection was lost before COMMIT")
        result = await self._unit_of_work.run(transaction)
        if due and self._plan.at is FaultPoint.AFTER_COMMIT:
            raise OutcomeUnknown("the answer to COMMIT did not come")
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit_of_work, name)


class FaultyGateway:
    def __init__(self, gateway: Any, plan: Plan) -> None:
        self._gateway = gateway
        self._plan = plan

    async def confirm(self, request: ConfirmRequest) -> GatewayAnswer:
        due = request.order_id in self._plan.orders
        self._plan.orders.discard(request.order_id)
        lost = GatewayAnswer(kind=AnswerClass.UNKNOWN)  # no fault of the gateway's: its circuit shall not open
        if due and self._plan.at is FaultPoint.BEFORE_REQUEST:
            return lost
        answer: GatewayAnswer = await self._gateway.confirm(request)
        return lost if due and self._plan.at is FaultPoint.AFTER_REQUEST else answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)
