"""A safeguard taken out in one place."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Safeguard(StrEnum):
    DEDUPE = "dedupe"
    LOOK_BEFORE_RETRY = "look before retry"
    COMPENSATION = "compensation"
    INBOX = "inbox"
    SKIP_LOCKED = "SKIP LOCKED"
    SEAT_CHECK = "the seat check at payment"
    TAKE_OVER = "the take-over's expiry"


class Outdated(Exception):
    """The text to be taken out does not stand in its file exactly once: what would be broken is not what is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """``file`` says ``instead`` where it said ``taken_out``, and each of the tests ``noticed_by`` has to fail.

    A test is named by its node id; without parameters, all of its cases are meant, of which one has to fail.
    """

    safeguard: Safeguard
    place: str
    file: str
    taken_out: str
    instead: str
    noticed_by: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.safeguard}: {self.place}"

    def break_(self, tree: Path) -> None:
        """Raises Outdated."""
        path = tree / self.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if (found := text.count(self.taken_out)) != 1:
            raise Outdated(f"{self.file} says {found} times, not once: {self.taken_out!r}")
        path.write_text(text.replace(self.taken_out, self.instead), encoding="utf-8")
