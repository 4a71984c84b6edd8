"""A log line says what happened, to which request, and nothing about whom."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from adapters.telemetry.logs import MOST_REMEMBERED, NowAndThen, correlate, set_up_logging


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


AWAY = 'Unable connect to "%s:%s": %s'


def say(stream: io.StringIO, *records: tuple[str, str, float]) -> list[tuple[str, int | None]]:
    """What is written of these: who says what, by which words, at which second."""
    for name, words, at in records:
        record = logging.makeLogRecord({"name": name, "msg": words, "args": ("kafka", 9092, "refused"), "levelno": logging.ERROR})
        record.levelname, record.created = "ERROR", at
        logging.getLogger(name).handle(record)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    stream.truncate(stream.seek(0))
    return [(line["event"], line.get("left_out")) for line in lines]


def test_what_a_client_says_of_an_absent_server_is_written_once_a_minute_with_how_often_it_was_said(logged: io.StringIO) -> None:
    said = [("aiokafka.client", AWAY, 1000 + tenth / 10) for tenth in range(600)]
    words = 'Unable connect to "kafka:9092": refused'
    assert say(logged, *said) == [(words, None)]
    assert say(logged, ("aiokafka.client", AWAY, 1060.0), ("aiokafka.client", AWAY, 1060.1)) == [(words, 599)]
    assert say(logged, ("aiokafka.client", AWAY, 9000.0), ("aiokafka.client", AWAY, 9090.0)) == [(words, 1), (words, None)]


def test_something_else_that_it_says_and_what_others_say_is_written(logged: io.StringIO) -> None:
    others = ("aiokafka.conn", "aiokafkaish", "application.messaging.relay_outbox")
    said = [("aiokafka.client", "Topic %s, %s: %s", 1.0), *((name, AWAY, 1.0) for name in others)]
    assert len(say(logged, ("aiokafka.client", AWAY, 1.0), *said, *said)) == 1 + 2 + 2 * 2


def test_a_clock_that_is_put_back_silences_nobody(logged: io.StringIO) -> None:
    assert len(say(logged, ("aiokafka", AWAY, 9_000.0), ("aiokafka", AWAY, 1_000.0), ("aiokafka", AWAY, 1_001.0))) == 2


def test_what_is_remembered_is_bounded() -> None:
    rarely = NowAndThen()
    for number in range(3 * MOST_REMEMBERED):
        assert rarely.filter(logging.makeLogRecord({"name": "aiokafka", "msg": f"words {number}", "created": 1.0}))
    assert len(rarely._said) <= MOST_REMEMBERED
