"""A guest: a new person for whoever asks, with points to spend. Only where the settings allow it."""

from dataclasses import dataclass

from application.ports.id_generator import IdGenerator
from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.contact import Contact, phone_number
from domain.errors import Step
from domain.ids import UserId, user_id_of
from domain.money import Won

GUESTS = "guests"
"""The issuer of guests' access tokens."""
GUEST_POINTS = Won(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeGuest:
    user_id: UserId
    phone: str

    def needs(self) -> Needs:
        return Needs(shard=self.user_id, point_accounts=(self.user_id,), contacts=(self.user_id,))

    def decide(self, work: Work) -> None:
        """Asked twice, the guest is welcomed once."""
        if work.point_accounts.find(self.user_id) is not None:
            return
        account, entry = work.point_accounts.of(self.user_id).top_up(GUEST_POINTS, self.user_id, work.now)
        work.point_accounts.add(account)
        work.ledger.add(entry)
        work.contacts.save(Contact(user_id=self.user_id, phone=self.phone, chosen=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    user_id: UserId
    subject: str


class SignInAsGuest:
    def __init__(self, transactor: Transactor, retrying: Retrying, ids: IdGenerator) -> None:
        self._transactor = transactor
        self._retrying = retrying
        self._ids = ids

    async def __call__(self, phone: str) -> Guest:
        """Each call a new person, with 1,000,000 points. Raises NotAPhoneNumber."""
        number = phone_number(phone)
        subject = str(self._ids.new_id())
        user_id = user_id_of(GUESTS, subject)
        await self._retrying(Step.PAYMENT, lambda: self._transactor.run(WelcomeGuest(user_id=user_id, phone=number)))
        return Guest(user_id=user_id, subject=subject)
