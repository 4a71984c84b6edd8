"""What shall go wrong at the simulated gateway next, set from outside."""

import asyncio
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from entrypoints.simulators.dropped_connection import DroppedConnection
from entrypoints.simulators.faults import BadFault


class TossFaultKind(StrEnum):
    DROP_REQUEST = "drop-request"
    """The connection is closed; nothing was processed."""
    DROP_REPLY = "drop-reply"
    """Processed; then the connection is closed without an answer."""
    DELAY = "delay"
    """Processed only after ``seconds``: in flight until then."""
    DELAY_REPLY = "delay-reply"
    """Processed at once, answered after ``seconds``."""
    REFUSE = "refuse"
    """Answered with ``code`` (and ``status``, where it is not the code's own), not processed; the answer is ``kept``."""
    REFUSE_REPLY = "refuse-reply"
    """Processed; answered with ``code`` all the same, and the answer is ``kept``."""
    ERROR = "error"
    """A page of HTML with ``status`` (502), as from a proxy; not processed."""
    ERROR_REPLY = "error-reply"
    """Processed; answered with a page of HTML."""
    LIMIT = "limit"
    """HTTP 429, ``Retry-After: seconds``; not processed."""


class TossOperation(StrEnum):
    CONFIRM = "confirm"
    CANCEL = "cancel"
    LOOK_UP = "look-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class TossFault:
    """``times`` None: until it is taken away. ``order_id`` None: whichever comes.

    ``kept``: remembered as the answer under the request's idempotency key, as the real gateway does with its errors.
    """

    kind: TossFaultKind
    operation: TossOperation = TossOperation.CONFIRM
    times: int | None = 1
    order_id: str | None = None
    code: str = "FAILED_INTERNAL_SYSTEM_PROCESSING"
    status: int | None = None
    seconds: float = 1.0
    kept: bool = True

    @classmethod
    def read(cls, given: Any) -> "TossFault":
        """From JSON. Raises BadFault."""
        if not isinstance(given, dict) or not given.keys() <= cls.__dataclass_fields__.keys():
            raise BadFault(f"an object of {', '.join(cls.__dataclass_fields__)}")
        try:
            return cls(
                kind=TossFaultKind(given.get("kind", "")),
                operation=TossOperation(given.get("operation", TossOperation.CONFIRM)),
                times=None if given.get("times", 1) is None else int(given.get("times", 1)),
                order_id=None if given.get("order_id") is None else str(given["order_id"]),
                code=str(given.get("code", cls.__dataclass_fields__["code"].default)),
                status=None if given.get("status") is None else int(given["status"]),
                seconds=float(given.get("seconds", 1.0)),
                kept=bool(given.get("kept", True)),
            )
        except (ValueError, TypeError) as fault:
            raise BadFault(str(fault)) from fault


class TossFaults:
    """Taken in the order in which they were set."""

    def __init__(self) -> None:
        self._set: list[tuple[TossFault, int | None]] = []

    def add(self, fault: TossFault) -> None:
        self._set.append((fault, fault.times))

    def clear(self) -> None:
        self._set.clear()

    def take(self, operation: TossOperation, order_id: str | None) -> TossFault | None:
        for index, (fault, left) in enumerate(self._set):
            if fault.operation is operation and fault.order_id in (None, order_id):
                if left is not None and left <= 1:
                    del self._set[index]
                elif left is not None:
                    self._set[index] = (fault, left - 1)
                return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(fault) | {"times": left} for fault, left in self._set]


def instead_of_processing(fault: TossFault) -> Response | None:
    match fault.kind:
        case TossFaultKind.DROP_REQUEST:
            return DroppedConnection()
        case TossFaultKind.ERROR:
            return _bad_gateway(fault)
        case TossFaultKind.LIMIT:
            return PlainTextResponse("Too Many Requests", status_code=429, headers={"Retry-After": f"{fault.seconds:.0f}"})
    return None


async def instead_of_reply(fault: TossFault | None, reply: Response) -> Response:
    if fault is None:
        return reply
    match fault.kind:
        case TossFaultKind.DROP_REPLY:
            return DroppedConnection()
        case TossFaultKind.ERROR_REPLY:
            return _bad_gateway(fault)
        case TossFaultKind.DELAY_REPLY:
            await asyncio.sleep(fault.seconds)
    return reply


def _bad_gateway(fault: TossFault) -> Response:
    return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", status_code=fault.status or 502)
