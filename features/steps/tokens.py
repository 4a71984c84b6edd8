"""Queue tokens that open nothing, by the names the features give them."""

from features.steps.story import Story, eventually
from features.worlds.fan import Fan
from features.worlds.operator import Plan

NONSENSE = "이것은 토큰이 아니다"


def token_called(which: str, name: str, story: Story) -> str:
    """`서준의` is that fan's own, and so on."""
    fan = story.fan(name)
    match which:
        case "엉터리":
            return NONSENSE
        case "위조한":
            return forged(fan.token or next(other.token for other in story.fans() if other.token))
        case "다른 공연의":
            return _of_another_concert(fan, story)
        case "지난 입장의":
            return fan.spent_tokens[-1]
        case _:
            return story.fan(which.removesuffix("의")).token


def forged(token: str) -> str:
    """The same claims under another signature: a character well inside the signature, at the end, is changed."""
    at = len(token) - 10
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def _of_another_concert(fan: Fan, story: Story) -> str:
    """A token of this very fan, admitted, but to another concert."""
    elsewhere = Fan(api=fan.api, name=fan.name, phone=fan.phone, bearer=fan.bearer, user_id=fan.user_id)
    other = story.service.operator.create(Plan())
    assert elsewhere.join(other.concert_id).typename == "JoinQueueSuccess"

    def admitted() -> None:
        assert elsewhere.look()["state"] == "ACTIVE"

    eventually(admitted)
    return elsewhere.token
