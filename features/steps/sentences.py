"""Korean step sentences with typed places in them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from pytest_bdd.parsers import StepParser

Table = Sequence[Sequence[str]]
"""What stands below a step, its head row first."""
SEAT = r"[A-Z]\d+"


def _seat_names(text: str) -> tuple[str, ...]:
    """`A1, A2` names two seats; `A1~A4` the four from the first to the last."""
    names: list[str] = []
    for part in text.split(", "):
        first, _, last = part.partition("~")
        numbers = range(int(first[1:]), int((last or first)[1:]) + 1)
        names.extend(f"{first[0]}{number}" for number in numbers)
    return tuple(names)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


_KINDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "fan": (r"[가-힣]+?", str),
    "fans": (r"[가-힣]+(?:, [가-힣]+)*?", lambda text: tuple(text.split(", "))),
    "seats": (rf"{SEAT}(?:~{SEAT})?(?:, {SEAT}(?:~{SEAT})?)*", _seat_names),
    "number": (r"[\d,]+", _number),
    "state": (r'[^"]+', str),
    "text": (r"[\d,]+원", str),
    "type": (r"[A-Z][A-Za-z]+", str),
    "code": (r"[A-Z][A-Z_]+", str),
}
_PLACE = re.compile(r"\{(\w+):(\w+)\}")
_PARTICLES = re.compile(r"([가-힣]+)/([가-힣]+)")


class Sentence(StepParser):
    """`{name:kind}` is a place; of `이/가`, `은/는` and the like either one fits, as the word before it asks for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._kinds = dict(_PLACE.findall(name))
        self._pattern = re.compile("".join(self._piece(piece) for piece in re.split(r"(\{\w+:\w+\})", name)))

    def is_matching(self, name: str) -> bool:
        return self._pattern.fullmatch(name) is not None

    def parse_arguments(self, name: str) -> dict[str, Any] | None:
        match = self._pattern.fullmatch(name)
        if match is None:
            return None
        return {place: _KINDS[self._kinds[place]][1](text) for place, text in match.groupdict().items()}

    def _piece(self, piece: str) -> str:
        if place := _PLACE.fullmatch(piece):
            return f"(?P<{place[1]}>{_KINDS[place[2]][0]})"
        return _PARTICLES.sub(r"(?:\1|\2)", re.escape(piece).replace(r"\ ", " "))
