"""A log line says what happened, to which request, and nothing about whom."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from adapters.telemetry.logs import correlate, set_up_logging


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    set_up_logging("INFO", json=True, stream=stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)


def test_a_line_is_json_with_its_correlation_id(logged: io.StringIO) -> None:
    correlate("abc")
    logging.getLogger("somewhere").warning("좌석이 없습니다", extra={"step": "payment"})
    line = json.loads(logged.getvalue())
    assert (line["event"], line["step"], line["correlation_id"], line["level"], line["logger"]) == (
        "좌석이 없습니다",
        "payment",
        "abc",
        "warning",
        "somewhere",
    )
    assert "좌석" in logged.getvalue()


def test_a_traceback_brings_no_locals(logged: io.StringIO) -> None:
    phone = "01012345678"
    try:
        raise ValueError(len(phone))
    except ValueError:
        logging.getLogger("somewhere").exception("it broke")
    line = json.loads(logged.getvalue())
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert line["exception"][0]["frames"]
    assert phone not in logged.getvalue()


@pytest.mark.parametrize("name", ["strawberry.execution", "uvicorn.access", "httpx"])
def test_loggers_that_would_repeat_requests_are_quiet(logged: io.StringIO, name: str) -> None:
    logging.getLogger(name).info("GET /alimtalk/v2.3/appkeys/secret/messages")
    assert logged.getvalue() == ""
