"""Logs: one line an event, with the correlation id of the request it belongs to. Never locals, never arguments."""

import logging
import sys
from typing import TextIO

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import Processor

QUIET = ("uvicorn", "strawberry.execution", "httpx", "httpcore", "aiokafka", "asyncio", "alembic")
"""Loggers that repeat what we log ourselves, or would write down queries, addresses and their arguments."""

CHATTY = ("aiokafka",)
"""Loggers that say the same of each connection and each try, hundreds of times while their server is away. That it is away we say."""
ONCE_IN = 60.0
MOST_REMEMBERED = 1_000


class NowAndThen(logging.Filter):
    """Lets each thing that a chatty logger says through once in ``ONCE_IN`` seconds, by its words without what is filled in.
    ``left_out`` on the line tells how often it was said since the last one. All other loggers are none of its business.

    It belongs on a handler: a filter of a logger does not see what that logger's children say.
    """

    def __init__(self, names: tuple[str, ...] = CHATTY) -> None:
        super().__init__()
        self._names = names
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not any(record.name == name or record.name.startswith(f"{name}.") for name in self._names):
            return True
        what = (record.name, str(record.msg))
        since, left_out = self._said.get(what, (-ONCE_IN, 0))
        if 0 <= record.created - since < ONCE_IN:
            self._said[what] = (since, left_out + 1)
            return False
        if len(self._said) >= MOST_REMEMBERED:
            self._said.clear()
        self._said[what] = (record.created, 0)
        if left_out:
            record.left_out = left_out
        return True


def set_up_logging(level: str = "INFO", *, json: bool = True, stream: TextIO | None = None) -> None:
    """Every record of the standard library, as JSON or for a person's eyes."""
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(json)],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(NowAndThen())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)


def _rendering(json: bool) -> list[Processor]:
    if json:
        tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=20))
        return [tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]


def correlate(correlation_id: str) -> None:
    """From here on, in this task and those it starts, every line carries this id."""
    clear_contextvars()
    bind_contextvars(correlation_id=correlation_id)
