import random


class RandomJitter:
    """Seeded by the system, so that two processes never wait in step."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def chance(self) -> float:
        return self._random.random()
