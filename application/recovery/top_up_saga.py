"""The saga of a top-up: points enter the account when the gateway has proved the charge, once."""

from dataclasses import dataclass

from application.ports.unit_of_work import Needs
from application.work import Work
from domain.gateway_errand import ErrandId, ErrandKind, ErrandState
from domain.ids import TopUpId
from domain.payment import PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class _TopUpSettlement:
    id: TopUpId

    def needs(self) -> Needs:
        user_id = self.id.user_id
        return Needs(shard=user_id, point_accounts=(user_id,), top_ups=(self.id,), errands=(errand_of(self.id),))

    def _close(self, work: Work) -> None:
        errand = work.errands.get(errand_of(self.id))
        if errand.state is not ErrandState.CLOSED:
            work.errands.change(errand.close())


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteTopUp(_TopUpSettlement):
    """A charge that is proved is never refused: the cap on balances was checked, with headroom, when it was prepared."""

    def decide(self, work: Work) -> PaymentStatus:
        self._close(work)
        top_up = work.top_ups.get(self.id)
        if top_up.status is PaymentStatus.COMPLETED:
            return top_up.status
        completed = top_up.complete(work.now)
        work.top_ups.change(completed)
        account, entry = work.point_accounts.of(self.id.user_id).top_up_paid(top_up.amount, self.id.top_up, work.now)
        work.point_accounts.save(account)
        work.ledger.add(entry)
        return completed.status


@dataclass(frozen=True, slots=True, kw_only=True)
class FailTopUp(_TopUpSettlement):
    decline_code: str

    def decide(self, work: Work) -> PaymentStatus:
        self._close(work)
        top_up = work.top_ups.get(self.id)
        if not top_up.status.is_open:
            return top_up.status
        failed = top_up.fail(self.decline_code)
        work.top_ups.change(failed)
        return failed.status


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtTopUp(_TopUpSettlement):
    def decide(self, work: Work) -> PaymentStatus:
        top_up = work.top_ups.get(self.id)
        if top_up.status is PaymentStatus.REQUESTED:
            top_up = top_up.doubt()
            work.top_ups.change(top_up)
        return top_up.status


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverTopUp(_TopUpSettlement):
    def decide(self, work: Work) -> PaymentStatus:
        errand = work.errands.get(errand_of(self.id))
        if errand.state is ErrandState.OPEN:
            work.errands.change(errand.hand_over())
        return work.top_ups.get(self.id).status


def errand_of(top_up_id: TopUpId) -> ErrandId:
    return ErrandId(top_up_id.user_id, top_up_id.top_up, ErrandKind.CONFIRM)
