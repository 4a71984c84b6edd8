"""Where a person wants to be told."""

from dataclasses import dataclass

from application.ports.unit_of_work import Needs
from application.retrying import Retrying
from application.transactor import Transactor
from application.work import Work
from domain.contact import Contact, phone_number
from domain.errors import Step
from domain.ids import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class SetContact:
    user_id: UserId
    phone: str

    def needs(self) -> Needs:
        return Needs(shard=self.user_id, contacts=(self.user_id,))

    def decide(self, work: Work) -> None:
        work.contacts.save(Contact(user_id=self.user_id, phone=self.phone, chosen=True))


class UpdateContact:
    def __init__(self, transactor: Transactor, retrying: Retrying) -> None:
        self._transactor = transactor
        self._retrying = retrying

    async def __call__(self, user_id: UserId, phone: str) -> None:
        """The number chosen here wins over the access token's. Raises NotAPhoneNumber."""
        contact = SetContact(user_id=user_id, phone=phone_number(phone))
        await self._retrying(Step.PAYMENT, lambda: self._transactor.run(contact))
