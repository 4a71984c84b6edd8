"""Statements that take longer than they should: counted, and written down without their values."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from application.failures import FailureKind, count_failure
from application.ports.metrics import Metrics

log = logging.getLogger(__name__)

SLOW_SECONDS = 0.5
LONGEST_TEXT = 2_000
_BEGAN = "statement began"

_VALUE = re.compile(r"(?:_utf8mb4 )?[Xx]?'(?:[^'\\]|\\.|'')*'|\b0x[0-9A-Fa-f]+\b|\b\d+(?:\.\d+)?\b", re.DOTALL)
_LIST = re.compile(r"\((?:\?|%s|NULL)(?:, ?(?:\?|%s|NULL))*+\)(?:, ?\((?:\?|%s|NULL)(?:, ?(?:\?|%s|NULL))*+\))*+")


def without_values(sql: str) -> str:
    """The statement's shape, the same for whomever it is about: values become ``?``, lists of them ``(…)``."""
    return _LIST.sub("(…)", _VALUE.sub("?", sql))


class SlowStatements:
    """Costs a look at the clock before and after. The whole wait for the server counts: the one for locks too."""

    def __init__(self, metrics: Metrics, threshold_seconds: float = SLOW_SECONDS) -> None:
        self._metrics = metrics
        self._threshold = threshold_seconds

    def note(self, step: str, seconds: float, text: Callable[[], str]) -> None:
        """``text`` is asked for only when it is needed, and may have values in it."""
        if seconds < self._threshold:
            return
        kind = FailureKind.SLOW_QUERY_IO
        count_failure(self._metrics, step, kind)
        shape = without_values(text())[:LONGEST_TEXT]
        log.warning("a slow statement", extra={"step": step, "kind": kind.value, "milliseconds": round(seconds * 1000), "statement": shape})

    @contextmanager
    def timed(self, step: str, text: Callable[[], str], context: Context | None = None) -> Iterator[None]:
        """Also when it fails, or is no longer waited for. ``context``: that of whom it is done for, where it is not this one."""
        began = time.monotonic()
        try:
            yield
        finally:
            run = copy_context().run if context is None else context.run
            run(self.note, step, time.monotonic() - began, text)

    def watch(self, engine: Engine, step: str) -> None:
        """Every statement of this engine."""

        def begun(connection: Connection, *_: Any) -> None:
            connection.info[_BEGAN] = time.monotonic()

        def ended(connection: Connection, cursor: object, statement: str, *_: Any) -> None:
            self.note(step, time.monotonic() - connection.info[_BEGAN], lambda: statement)

        def failed(context: ExceptionContext) -> None:
            statement, connection = context.statement, context.connection
            if statement is None or connection is None or connection.invalidated or _BEGAN not in connection.info:
                return
            self.note(step, time.monotonic() - connection.info[_BEGAN], lambda: statement)

        event.listen(engine, "before_cursor_execute", begun)
        event.listen(engine, "after_cursor_execute", ended)
        event.listen(engine, "handle_error", failed)
