"""Handing an errand back from a person to the workers."""

from dataclasses import dataclass

from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.errors import Step
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState
from domain.ids import PaymentId
from domain.payment_order import attempt_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenErrands:
    """Those of an attempt that wait for a person are run again; whatever else it has is left alone."""

    ids: tuple[ErrandId, ...]

    def needs(self) -> Needs:
        return Needs(shard=self.ids[0].shard_key, errands=self.ids)

    def decide(self, work: Work) -> int:
        manual = [errand for errand_id in self.ids if (errand := work.errands.find(errand_id)) and errand.state is ErrandState.MANUAL]
        for errand in manual:
            work.errands.change(errand.reopen())
        return len(manual)


class ReopenErrand:
    def __init__(self, transactor: Transactor, retrying: Retrying) -> None:
        self._transactor = transactor
        self._retrying = retrying

    async def __call__(self, order_id: str) -> bool:
        """Whether there was one to be run again: an order that is none of ours has none."""
        attempt = attempt_of(order_id)
        if attempt is None:
            return False
        shard, uuid = (attempt.concert_id, attempt.payment) if isinstance(attempt, PaymentId) else attempt
        reopen = ReopenErrands(ids=tuple(ErrandId(shard, uuid, kind) for kind in ErrandKind))
        return await self._retrying(Step.PAYMENT, lambda: self._transactor.run(reopen)) > 0
