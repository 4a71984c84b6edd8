"""Where and how the simulated gateway sends word of what happened."""

from dataclasses import asdict, dataclass
from typing import Any

from entrypoints.simulators.faults import BadFault

IN_ORDER = "in-order"
REVERSED = "reversed"
SECONDS_TO_RESEND = tuple(60.0 * minutes for minutes in (1, 4, 16, 64, 256, 1024, 4096))
MOST_COPIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """``url`` None: nobody is told. ``before_reply``: first the webhook, then the answer to the request that caused it.

    ``order`` "reversed": each is kept back until the next, and sent after it. ``copies``: sent that often, under one transmission id.
    """

    url: str | None = None
    order: str = IN_ORDER
    before_reply: bool = False
    copies: int = 1
    delay_seconds: float = 0.0
    resend_seconds: tuple[float, ...] = SECONDS_TO_RESEND

    @classmethod
    def read(cls, given: Any) -> "WebhookSettings":
        """From JSON. Raises BadFault."""
        if not isinstance(given, dict) or not given.keys() <= cls.__dataclass_fields__.keys():
            raise BadFault(f"an object of {', '.join(cls.__dataclass_fields__)}")
        gaps = given.get("resend_seconds", SECONDS_TO_RESEND)
        kinds = {
            "url": str | None,
            "order": str,
            "before_reply": bool,
            "copies": int,
            "delay_seconds": int | float,
            "resend_seconds": list | tuple,
        }
        for name, value in given.items():
            if not isinstance(value, kinds[name]):
                raise BadFault(name)
        if not all(isinstance(gap, int | float) for gap in gaps):
            raise BadFault("resend_seconds: numbers")
        settings = cls(**{**given, "resend_seconds": tuple(gaps)})
        if settings.order not in (IN_ORDER, REVERSED) or not 1 <= settings.copies <= MOST_COPIES:
            raise BadFault(f"order: {IN_ORDER} or {REVERSED}; copies: 1 to {MOST_COPIES}")
        return settings

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"resend_seconds": list(self.resend_seconds)}
