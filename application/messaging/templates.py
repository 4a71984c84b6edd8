"""What fans are told, word for word. Texts are registered with the provider under these codes: change both together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_PLACE = re.compile(r"#\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """``text`` has places such as ``#{title}``, Kakao's way. ``title`` heads a long SMS (at most 40 bytes of EUC-KR).

    ``undone_by``: once one of these has been told about the same thing, this one is no longer true.
    """

    code: str
    title: str
    text: str
    undone_by: frozenset[str] = frozenset()

    @property
    def places(self) -> frozenset[str]:
        return frozenset(_PLACE.findall(self.text))

    def render(self, facts: Mapping[str, str]) -> str:
        """Raises KeyError for a place without a fact."""
        return _PLACE.sub(lambda place: facts[place[1]], self.text)


_DETAILS = """
공연: #{title}
장소: #{venue}
일시: #{startsAt}
좌석: #{seats}
"""

PAYMENT_COMPLETED = Template(
    code="PAYMENT_COMPLETED",
    title="[콘서트 예매] 결제 완료",
    text=f"""\
[콘서트 예매] 결제가 완료되어 티켓이 발급되었습니다.
{_DETAILS}결제 금액: #{{amount}}

공연 당일 티켓의 코드를 보여 주시면 입장하실 수 있습니다.""",
    undone_by=frozenset({"PAYMENT_CANCELLED"}),
)

PAYMENT_CANCELLED = Template(
    code="PAYMENT_CANCELLED",
    title="[콘서트 예매] 예매 취소",
    text=f"""\
[콘서트 예매] 예매가 취소되었습니다. 발급된 티켓은 더 이상 사용하실 수 없습니다.
{_DETAILS}환불 금액: #{{amount}}""",
)

CHARGE_RETURNED = Template(
    code="CHARGE_RETURNED",
    title="[콘서트 예매] 결제 취소",
    text=f"""\
[콘서트 예매] 늦게 승인된 결제가 예매에 쓰이지 못해, 결제하신 금액을 전액 돌려드렸습니다.
{_DETAILS}환불 금액: #{{amount}}

카드사에 따라 며칠 뒤에 확인하실 수 있습니다.""",
)

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {template.code: template for template in (PAYMENT_COMPLETED, PAYMENT_CANCELLED, CHARGE_RETURNED)}
)
