"""What shall go wrong next, set from outside."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    REFUSE = "refuse"
    """Answered with ``code``, and not processed. ``level``: in the header, or for the recipient."""
    DELAY = "delay"
    """Processed only after ``seconds``."""
    DELAY_REPLY = "delay-reply"
    """Processed at once, answered after ``seconds``."""
    DROP_REQUEST = "drop-request"
    """The connection is closed; nothing was processed."""
    DROP_REPLY = "drop-reply"
    """Processed; then the connection is closed without an answer."""
    ERROR = "error"
    """Answered with HTTP ``code`` and a page of HTML; not processed."""
    LIMIT = "limit"
    """HTTP 429, ``Retry-After: seconds``; not processed."""
    PENDING = "pending"
    """Taken; its result comes only with ``/simulator/results``."""
    UNDELIVERED = "undelivered"
    """Taken, then failed with delivery result ``code`` (AlimTalk: and ``resend_status``; RSC04: the dealer sends on)."""


class Provider(StrEnum):
    ALIMTALK = "alimtalk"
    SMS = "sms"
    SOLAPI = "solapi"
    """Both of its channels; ``code`` of a refusal in the header is the HTTP status."""


class Operation(StrEnum):
    SEND = "send"
    FIND = "find"


class Level(StrEnum):
    HEADER = "header"
    RECIPIENT = "recipient"


class BadFault(Exception):
    """The switch that was set does not exist; says which part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``times`` None: until it is taken away."""

    kind: FaultKind
    provider: Provider
    operation: Operation = Operation.SEND
    times: int | None = 1
    code: int | None = None
    seconds: float = 1.0
    level: Level = Level.HEADER
    resend_status: str = "RSC01"

    @classmethod
    def read(cls, given: Any) -> "Fault":
        """From JSON. Raises BadFault."""
        if not isinstance(given, dict) or not given.keys() <= cls.__dataclass_fields__.keys():
            raise BadFault(f"an object of {', '.join(cls.__dataclass_fields__)}")
        try:
            values: Mapping[str, Any] = given | {
                "kind": FaultKind(given.get("kind", "")),
                "provider": Provider(given.get("provider", "")),
                "operation": Operation(given.get("operation", Operation.SEND)),
                "level": Level(given.get("level", Level.HEADER)),
                "times": None if given.get("times", 1) is None else int(given.get("times", 1)),
                "code": None if given.get("code") is None else int(given["code"]),
                "seconds": float(given.get("seconds", 1.0)),
                "resend_status": str(given.get("resend_status", "RSC01")),
            }
        except (ValueError, TypeError) as fault:
            raise BadFault(str(fault)) from fault
        return cls(**values)


class Faults:
    """Each provider's and operation's faults, taken in the order in which they were set."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._left: list[int | None] = []

    def add(self, fault: Fault) -> None:
        self._set.append(fault)
        self._left.append(fault.times)

    def clear(self) -> None:
        self._set.clear()
        self._left.clear()

    def take(self, provider: Provider, operation: Operation) -> Fault | None:
        for index, fault in enumerate(self._set):
            if (fault.provider, fault.operation) == (provider, operation):
                left = self._left[index]
                if left is not None:
                    self._left[index] = left - 1
                    if left <= 1:
                        del self._set[index], self._left[index]
                return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(fault) | {"times": left} for fault, left in zip(self._set, self._left, strict=True)]
