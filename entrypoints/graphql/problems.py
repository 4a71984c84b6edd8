"""What a request can do wrong before the rules of the business are asked: each an entry of ``errors``, with its code."""


class Problem(Exception):
    """Shown to the client as it stands."""

    code: str

    def __init__(self, message: str, **extensions: object) -> None:
        super().__init__(message)
        self.extensions = extensions


class BadInput(Problem):
    """A malformed value: an id that is none, an empty list, a number out of its bounds."""

    code = "BAD_INPUT"

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}", argument=argument)


class Unauthenticated(Problem):
    """Nobody is signed in, and somebody has to be."""

    code = "UNAUTHENTICATED"


class Forbidden(Problem):
    """Somebody is signed in, who may not."""

    code = "FORBIDDEN"


class NotFound(Problem):
    """It does not exist, or it is another person's: that is not told apart."""

    code = "NOT_FOUND"
